import Foundation
import TestSupport

/// A `paligemma supervise` (or another command) and the processes below it. Only these are ever sent a signal.
final class Supervised {
    private let program: BackgroundProgram
    /// The file of its output.
    let log: String

    init(_ program: String, _ arguments: [String], environment: [String: String] = [:], log: String) throws {
        self.log = log
        // It ends when this program does, however that ends.
        self.program = try BackgroundProgram(
            "/usr/bin/setpriv", ["--pdeathsig", "KILL", program] + arguments,
            environment: BackgroundProgram.plainEnvironment.merging(environment) { $1 }, output: log)
    }

    var id: pid_t { program.id }
    var isRunning: Bool { program.isRunning }
    /// Its exit code; -1 while it runs.
    var status: Int32 { program.isRunning ? -1 : program.wait() }
    var output: String { program.output }

    func signal(_ number: Int32) { program.signal(number) }

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
        guard Tools.wait(seconds: seconds, until: { !program.isRunning }) else { return false }
        // Only by this does Foundation let go of a process.
        program.wait()
        return true
    }

    /// Ends it and everything below it.
    func destroy() {
        guard program.isRunning else { return }
        let all = [id] + world
        for id in all { kill(id, SIGCONT) }
        for id in all { kill(id, SIGKILL) }
        program.wait()
        _ = Tools.wait(seconds: 5) { all.dropFirst().allSatisfy { !Tools.isAlive($0) } }
    }
}
