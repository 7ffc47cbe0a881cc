import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A running world: mpirun, or pg-worker itself, in a process group of its own, so that a ^C on the terminal reaches
/// only this program. When this program is killed, the kernel tells the world to drain.
final class WorldProcess {
    let processID: pid_t
    private let outputReader: Thread
    private let outputEnd = DispatchSemaphore(value: 0)
    private let recent = RecentLines()
    /// The last lines of its output.
    var lastLines: [String] { recent.lines }

    /// Starts `command`. The lines of both of its outputs go to `onLine`, from another thread.
    ///
    /// - Throws: a failure of the environment where the command cannot be started.
    init(_ command: WorldCommand, onLine: @escaping @Sendable (String) -> Void) throws(CommandFailure) {
        let pipe: OutputPipe
        do throws(ChildProcess.NotStarted) {
            ChildProcess.adoptOrphans()
            pipe = try OutputPipe()
            // Should we be killed, the kernel tells the world to drain. That is bound to the thread that starts it, which
            // must live as long as the world shall.
            processID = try ChildProcess.start(
                command.executable, command.arguments, environment: command.environment, output: pipe.writing,
                errors: pipe.writing, leadsGroup: true, orphanSignal: SIGUSR1)
        } catch {
            throw CommandFailure(.environment, "cannot start \(command.executable): \(error)")
        }
        pipe.closeWriting()
        let (outputEnd, recent) = (outputEnd, recent)
        outputReader = Thread {
            var filter = LauncherOutputFilter()
            Self.forEachLine(of: pipe.reading) { line in
                recent.add(line)
                filter.linesToShow(after: line).forEach(onLine)
            }
            filter.linesAtEnd().forEach(onLine)
            outputEnd.signal()
        }
        outputReader.start()
    }

    /// Asks the world to finish its leased jobs, or to return them to the queue, and to end.
    func drain() { kill(processID, SIGUSR1) }

    /// Tells the world to end now; mpirun passes that on to the ranks.
    func stop() { kill(-processID, SIGTERM) }

    /// Kills the world's processes on this host, whichever group they are in: mpirun gives each rank one of its own.
    func destroy() { ProcessTree.destroyAll(except: processID) }

    /// Returns how the world ended, or nil while it runs. Not to be called again after the end.
    func poll() -> ProcessEnd? {
        var status: Int32 = 0
        guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
        // Ranks that outlived their launcher must not run beside the next world.
        ProcessTree.destroyAll()
        // What was written before the end is read; a grandchild that holds the pipe open is not waited for.
        _ = outputEnd.wait(timeout: .now() + 2)
        return ProcessEnd(waitStatus: status)
    }

    private static func forEachLine(of descriptor: Int32, _ body: (String) -> Void) {
        var pending: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            pending += buffer[..<count]
            while let end = pending.firstIndex(of: 0x0A) {
                body(String(decoding: pending[..<end], as: UTF8.self))
                pending.removeFirst(end + 1)
            }
        }
        if !pending.isEmpty { body(String(decoding: pending, as: UTF8.self)) }
    }
}

/// The last lines of an output, from any thread.
private final class RecentLines: Sendable {
    private static let maximum = 200
    private let kept = Locked<[String]>([])

    var lines: [String] { kept.withLock { $0 } }

    func add(_ line: String) {
        kept.withLock { kept in
            kept.append(line)
            if kept.count > 2 * Self.maximum { kept.removeFirst(Self.maximum) }
        }
    }
}
