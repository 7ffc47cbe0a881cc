import Base
import Foundation
import Measure
import Queue
import WorkerInterface

/// Captions a stream of random pictures through a world, until its steady state was seen for long enough.
struct SteadyWorld {
    /// How long a steady state is measured: both minimums hold.
    struct Length {
        let seconds: Double
        let pictures: Int
    }

    private static let pollMilliseconds = 200
    /// How long a world may take to end after it was stopped.
    private static let stopTimeout = Duration.seconds(2)

    private let settings: BenchSettings
    private let folder: BenchFolder
    private let length: Length
    /// Pictures that are not answered yet, to be kept: enough that the world finds micro-batches even when all sequences
    /// end at once.
    private let target: Int
    /// With fewer the world may have waited for pictures.
    private let minimum: Int

    init(_ settings: BenchSettings, _ folder: BenchFolder, _ length: Length) {
        self.settings = settings
        self.folder = folder
        self.length = length
        minimum = 2 * settings.world.plan.visionRanks * settings.picturesPerMicroBatch
        target = 2 * settings.maximumSequences + 2 * minimum + 4
    }

    /// - Returns: the figures of the steady state, and what the ranks reported of the whole run.
    /// - Throws: where the world fails, or an answer does.
    func run(_ command: WorldCommand) throws -> (SteadyState, BenchReport) {
        var signals = Signals()
        defer { signals.restore() }
        let queue = try SQLiteQueue(path: folder.queue, create: true)
        var pictures = BenchPictures(folder, queue, newTokens: settings.newTokens)
        try pictures.submit(target)
        Console.writeLine(
            "captioning a stream of pictures of \(settings.model.configuration.vision.imageSize) px; at most "
                + "\(settings.maximumSequences) decode together; the steady state is measured for "
                + String(format: "%.0f s", length.seconds) + " and \(length.pictures.counted("picture")) at least")
        let (start, busyBefore) = (ContinuousClock.now, LocalMachine.busySeconds)
        let world = try WorldProcess(command) { Console.writeLine($0) }
        let progress = try follow(world, queue, &pictures, &signals)
        let events = try SteadyTimeline(path: settings.world.worker.timeline ?? folder.timeline).events
        guard
            let state = SteadyState(progress: progress, inFlight: settings.maximumSequences, events: events)
        else { throw CommandFailure(.internalError, "the world ended before its steady state was seen") }
        let report = try BenchReport(
            path: folder.report, plan: settings.world.plan, processSeconds: (ContinuousClock.now - start).inSeconds,
            busySeconds: LocalMachine.busySeconds - busyBefore, tokens: try queue.counts().done * settings.newTokens)
        return (state, report)
    }

    /// Keeps the queue filled and records how many answers there are, until there are enough; then lets the world drain.
    private func follow(
        _ world: WorldProcess, _ queue: SQLiteQueue, _ pictures: inout BenchPictures, _ signals: inout Signals
    ) throws -> [SteadyState.Progress] {
        var progress: [SteadyState.Progress] = []
        var interruption: (signal: Int32, deadline: ContinuousClock.Instant)?
        var (isDraining, hasSteadyState, ranLow) = (false, false, false)
        while true {
            if let end = world.poll() {
                if let interruption { throw ExitStatus.signal(interruption.signal) }
                guard isDraining else {
                    throw CommandFailure(.internalError, "the world ended before its work (\(end)), see above")
                }
                return progress
            }
            let counts = try queue.counts()
            guard counts.failed == 0 else {
                world.destroy()
                throw CommandFailure(.internalError, "\(counts.failed.counted("picture")) failed, see above")
            }
            if !isDraining {
                progress.append(SteadyState.Progress(time: Date().timeIntervalSince1970, answered: counts.done))
                if !ranLow, counts.outstanding < minimum {
                    ranLow = true
                    Console.writeLine(
                        "the queue ran low: the model answers faster than pictures are made, and waits for them")
                }
                if counts.outstanding < target { try pictures.submit(target - counts.outstanding) }
                if !hasSteadyState, counts.done >= settings.maximumSequences {
                    hasSteadyState = true
                    Console.writeLine(
                        "\(counts.done.counted("picture is", "pictures are")) answered: the steady state begins")
                }
                if SteadyState.isLongEnough(
                    progress, inFlight: settings.maximumSequences, seconds: length.seconds, pictures: length.pictures)
                {
                    Console.writeLine("enough was seen; letting the world finish what it has begun")
                    isDraining = true
                    world.drain()
                }
            }
            if let interruption, interruption.deadline < .now { world.destroy() }
            if let signal = signals.next(within: Self.pollMilliseconds), signal != SIGCHLD {
                interruption = interruption ?? (signal, .now + Self.stopTimeout)
                world.stop()
            }
        }
    }
}
