import WorkerInterface

extension Console {
    /// Writes a log line of this program, which its prefix tells from those of a world.
    static func log(_ text: String) { writeLine("paligemma: \(text)") }
}
