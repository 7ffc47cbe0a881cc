import Base
import Coordinator
import Foundation
import Shard
import Synchronization
import Wire
import WorkerInterface

/// The parts of one rank, wired together: its stages, and on rank 0 the Coordinator.
final class Rank: @unchecked Sendable {
    // @unchecked: used on the main thread; the stage's thread only reads its own stages' counters, when all is done.
    private let settings: WorkerSettings
    let launch: Launch
    let loop: RankLoop
    let compute: RankCompute
    let thread: StageThread
    let stages: RankStages
    let timeline: Timeline?
    private let coordinator: Coordinator?
    private let start = Date()
    private let stopped = StopFlag()
    private var drained = false
    private var supervisor: SupervisorWatch?
    private var progress = ProgressLines()

    /// Makes the rank ready to work. All ranks must do so at the same time.
    ///
    /// - Throws: where the weights, the feature folder or the queue cannot be used, or the world is gone.
    init(_ settings: WorkerSettings, _ parts: ModelParts, _ loop: RankLoop, _ launch: Launch) throws {
        self.settings = settings
        self.loop = loop
        self.launch = launch
        let sender = loop.sender
        timeline = settings.timeline.map { _ in Timeline(rank: loop.rank) }
        compute = try RankCompute(settings, parts, loop, launch)
        sender.hasIdleCores = compute.hasCorePerThread
        thread = StageThread(computeLock: compute.lock) { sender.fail(.stage(reason: "\($0)")) }
        let context = RankStages.Context(
            settings: settings, parts: parts, loop: loop, compute: compute, thread: thread, timeline: timeline)
        stages = try RankStages(context)
        supervisor = loop.rank == 0 ? SupervisorWatch(world: settings.worldName, host: launch.host) : nil
        coordinator = try Rank.coordinator(context, launch)
        if loop.rank == 0 { report(parts) }
    }

    /// Says what this world is, and also in a quiet one what is not as it was asked for.
    private func report(_ parts: ModelParts) {
        for note in parts.notes { Console.log(note) }
        if !settings.quiet {
            Console.log(parts.plan.summary(parts, compute, launch))
        } else if !compute.budgets.reductions.isEmpty {
            Console.log(compute.budgets.reductions.joined(separator: "; "))
        }
    }

    /// What a watchdog looks at on this rank, besides the main loop.
    var subjects: [Watchdog.Subject] {
        let (sender, lock, features, team) = (loop.sender, compute.lock, stages.features, compute.team)
        let stage = Watchdog.Subject(name: "the stage") { [thread] in
            guard thread.queued > 0 else { return .idle }
            let progress = team.progress &- UInt64(thread.queued)
            let waits = sender.isAwaited || lock?.isAwaited == true || features?.isAwaited == true
            return waits ? .waiting(progress) : .working(progress)
        }
        let helpers = coordinator?.helpers.map {
            // One call of the queue's may wait for a disk or a link for a minute.
            Watchdog.Subject(name: $0.name, limits: $0.name.contains("queue") ? 2 : 1, activity: $0.activity)
        }
        return [stage] + (helpers ?? [])
    }

    /// Works until the Coordinator has stopped the world.
    ///
    /// - Returns: how the process ends.
    /// - Throws: what ends the world at once.
    func run() throws -> ExitStatus {
        try loop.run(handle: receive, step: step)
        // The compute lock lies in memory that is freed with the world.
        thread.finish()
        guard let coordinator else { return .success }
        try writeReports(of: coordinator)
        switch DrainRequest.signal {
        case SIGINT: return .signal(SIGINT)
        case SIGTERM: return .signal(SIGTERM)
        default: return coordinator.progress.failed > 0 ? .jobsFailed : .success
        }
    }

    /// Does what can be done now.
    ///
    /// - Returns: whether something was done; nil when the rank may leave.
    private func step() throws -> Bool? {
        guard let coordinator else { return stopped.isSet ? nil : false }
        if supervisor?.isGone ?? false { DrainRequest.make() }
        if let signal = DrainRequest.signal, !drained {
            drained = true
            if !settings.quiet { Console.log("signal \(signal): finishing the leased jobs") }
            try coordinator.drain()
        }
        if !settings.quiet { progress.update(coordinator.progress) }
        return try coordinator.step()
    }

    private func receive(_ frame: IncomingFrame) throws {
        if frame.picture > 0 {
            try stages.features?.receive(frame.bytes, of: frame.picture, from: frame.source)
            return
        }
        switch try Frame.decode(frame.bytes) {
        case .pixelBatch(let batch): try stages.vision?.receive(batch)
        case .order(let order): order.kind == .stop ? stop() : stages.text?.receive(order)
        case let other: try coordinator?.receive(other)
        }
    }

    /// Lets this rank report and leave, when everything before it is done.
    private func stop() {
        thread.enqueue { [self] in
            loop.sender.send(try Frame.encode(report()), to: 0)
            stopped.set()
            loop.sender.wake()
        }
    }

    private func writeReports(of coordinator: Coordinator) throws {
        if let path = settings.timeline { try writeTimeline(coordinator.reports, to: path) }
        if let path = settings.report {
            try WorldReport(
                reports: coordinator.reports, progress: coordinator.progress, seconds: coordinator.workingSeconds,
                limits: launch.machine.descriptions
            ).write(to: path)
        }
        if !settings.quiet { progress.finish(coordinator.progress, seconds: -start.timeIntervalSinceNow) }
    }

    private func writeTimeline(_ reports: [Report], to path: String) throws(EnvironmentError) {
        let events = reports.map(\.timeline).filter { !$0.isEmpty }.joined(separator: ",\n")
        try Data("[\n\(events)\n]\n".utf8).write(toPath: path, what: "timeline")
    }
}

/// Set once by the stage's thread.
private final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}
