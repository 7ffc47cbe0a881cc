import Foundation
import TestSupport

/// A `paligemma supervise` (or another command) and the processes below it. Only these are ever sent a signal.
final class Supervised {
    private let process = Process()
    let log: String

    init(_ program: String, _ arguments: [String], environment: [String: String] = [:], log: String) throws {
        self.log = log
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        // It goes when this program does, however that ends.
        process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
        process.arguments = ["--pdeathsig", "KILL", program] + arguments
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PALIGEMMA_") }
        process.environment = inherited.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
    }

    var id: pid_t { process.processIdentifier }
    var isRunning: Bool { process.isRunning }
    var status: Int32 { process.isRunning ? -1 : process.terminationStatus }
    var output: String { TextFile.read(log) ?? "" }

    func signal(_ number: Int32) { kill(id, number) }

    /// Its launcher, where there is one now.
    var launcher: pid_t? { Tools.children(of: id).first(where: Tools.isAlive) }

    /// The world's ranks by number; empty while they are not all there.
    var ranks: [pid_t] {
        guard let launcher else { return [] }
        let numbered = Tools.children(of: launcher).compactMap { child in
            Tools.variable("OMPI_COMM_WORLD_RANK", of: child).flatMap { Int($0) }.map { ($0, child) }
        }
        return numbered.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// Its world's processes, launcher first.
    var world: [pid_t] { launcher.map { [$0] + Tools.children(of: $0) } ?? [] }

    func waitForEnd(seconds: Double) -> Bool {
        guard Tools.wait(seconds: seconds, until: { !process.isRunning }) else { return false }
        // Only by this does Foundation let go of a process.
        process.waitUntilExit()
        return true
    }

    /// Ends it and everything below it.
    func destroy() {
        guard process.isRunning else { return }
        let all = [id] + world
        for id in all { kill(id, SIGCONT) }
        for id in all { kill(id, SIGKILL) }
        process.waitUntilExit()
        _ = Tools.wait(seconds: 5) { all.dropFirst().allSatisfy { !Tools.isAlive($0) } }
    }
}
