import Base
import Foundation
import PaliGemma
import Queue
import WorkerInterface

/// Captions random pictures through a world.
struct BenchWorld {
    private static let pollMilliseconds = 500
    /// How long a world may take to end after it was stopped.
    private static let stopTimeout = Duration.seconds(2)

    private let settings: BenchSettings
    private let folder: BenchFolder

    init(_ settings: BenchSettings, _ folder: BenchFolder) {
        self.settings = settings
        self.folder = folder
    }

    /// - Returns: what the ranks reported.
    func run(_ command: WorldCommand) throws -> BenchReport {
        var signals = Signals()
        defer { signals.restore() }
        let queue = try SQLiteQueue(path: folder.queue, create: true)
        var pictures = BenchPictures(folder, queue, newTokens: settings.newTokens)
        try pictures.submit(settings.pictures)

        let ranks = settings.world.plan.ranks
        Console.writeLine(
            "captioning \(settings.pictures.counted("picture")) of "
                + "\(settings.model.configuration.vision.imageSize) px with "
                + (ranks == 1 ? "one process" : "\(ranks) ranks"))
        let (start, busyBefore) = (ContinuousClock.now, LocalMachine.busySeconds)
        let end = try follow(WorldProcess(command) { Console.writeLine($0) }, queue, &signals)
        let seconds = (ContinuousClock.now - start).inSeconds
        let busy = LocalMachine.busySeconds - busyBefore
        try check(end, queue)
        return try BenchReport(
            path: folder.report, plan: settings.world.plan, processSeconds: seconds, busySeconds: busy,
            tokens: Self.tokens(queue))
    }

    /// Waits for the world's end and shows how far it is; a ^C ends it at once, for half a measurement is none.
    private func follow(
        _ world: WorldProcess, _ queue: SQLiteQueue, _ signals: inout Signals
    ) throws -> ProcessEnd {
        var progress = ProgressDisplay()
        var interruption: (signal: Int32, deadline: ContinuousClock.Instant)?
        while true {
            if let end = world.poll() {
                progress.end()
                if let interruption { throw ExitStatus.signal(interruption.signal) }
                return end
            }
            if Console.isTerminal, let counts = try? queue.counts() { progress.show(counts) }
            if let interruption, interruption.deadline < .now { world.destroy() }
            if let signal = signals.next(within: Self.pollMilliseconds), signal != SIGCHLD {
                interruption = interruption ?? (signal, .now + Self.stopTimeout)
                world.stop()
            }
        }
    }

    private func check(_ end: ProcessEnd, _ queue: SQLiteQueue) throws {
        let counts = try queue.counts()
        guard counts.done < counts.total else { return }
        var reason = ""
        try queue.forEachResult(sorted: false) { result in
            if case .failed(let failure, _) = result.outcome { reason = ": " + failure.message }
        }
        if counts.outstanding == 0 {
            throw CommandFailure(
                .internalError, "\(counts.failed) of \(counts.total.counted("picture")) failed\(reason)")
        }
        let cause = WorldEnd(end).failure(outstanding: counts.outstanding)
        throw CommandFailure(cause.status, "the world ended before its work, see above\(reason)")
    }

    /// Tokens of all answers together.
    private static func tokens(_ queue: SQLiteQueue) throws -> Int {
        var count = 0
        try queue.forEachResult(sorted: false) { result in
            if case .answered(let answer) = result.outcome { count += answer.tokens.count }
        }
        return count
    }
}
