import Base
import Foundation
import Queue
import Serving
import WorkerInterface

/// A service and, where it has one, its world: both run until a signal, the world as long as requests may need it.
struct ServeSession {
    private let server: HTTPServer
    private let settings: ServiceSettings
    private let ending = ServerEnd()
    private var signals = Signals()

    private static let pollMilliseconds = 200

    /// - Throws: Where the queue or the folder of the batches cannot be opened.
    init(_ settings: ServiceSettings) throws {
        self.settings = settings
        server = try HTTPServer(settings)
    }

    /// Answers from the worlds of a queue, until a signal.
    func serve() throws {
        start()
        var signals = signals
        var interruption: Int32?
        while !ending.hasEnded {
            guard let signal = signals.next(within: Self.pollMilliseconds), signal != SIGCHLD else { continue }
            guard interruption == nil else { throw ExitStatus.signal(signal) }
            interruption = signal
            stop()
        }
        if let failure = ending.failure { throw failure }
    }

    /// Answers from a world of its own, until a signal or until the world cannot be kept alive.
    func serve(
        from command: WorldCommand, _ supervision: Supervisor.Settings, _ failedStart: FailedStart
    ) throws {
        start()
        let name = settings.queue
        let supervisor = Supervisor(supervision, queue: { try openQueue(name) }, signals: signals)
        supervisor.onFailedStart = { failedStart.report() }
        // The world goes on until the requests that were taken are answered.
        supervisor.onInterruption = { stop() }
        let end = try supervisor.run(command) { if ending.hasEnded { supervisor.drain() } }
        if !ending.hasEnded {
            stop()
            ending.wait()
        }
        if let failure = ending.failure { throw failure }
        guard supervisor.interruption == nil else { return }
        throw end.failure(outstanding: 0)
    }

    private func start() {
        let (server, ending) = (server, ending)
        // At the main thread's priority Dispatch asks for a niceness that an ordinary user may not have, and complains of it.
        Task(priority: .medium) {
            do {
                try await server.run { address in
                    Console.writeLine("paligemma: listening on \(address)")
                    ServiceManager.notify(.ready, status: "listening on \(address)".onOneLine)
                }
                ending.set(nil)
            } catch {
                ending.set(CommandFailure(.environment, "\(error)"))
            }
        }
    }

    private func stop() {
        Console.log("answering the requests that were taken, and no others; once more stops at once")
        ServiceManager.notify(.stopping, status: "answering the requests that were taken")
        let server = server
        Task(priority: .medium) { await server.stop() }
    }
}

/// How a server ended.
private final class ServerEnd: Sendable {
    private let end = Locked<(hasEnded: Bool, failure: CommandFailure?)>((false, nil))
    private let ended = DispatchSemaphore(value: 0)

    var hasEnded: Bool { end.withLock { $0.hasEnded } }
    var failure: CommandFailure? { end.withLock { $0.failure } }

    func set(_ failure: CommandFailure?) {
        end.withLock { $0 = (true, failure) }
        ended.signal()
    }

    func wait() { ended.wait() }
}
