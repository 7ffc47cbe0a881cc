import Base
import Coordinator
import Foundation
import PaliGemma
import Pictures
import Queue
import Shard
import ShardPlan
import Synchronization
import Tensor
import Wire

/// The parts of one rank, wired together: its stages, and on rank 0 the Coordinator.
final class Rank: @unchecked Sendable {
    // @unchecked: used on the main thread; the stage's thread only reads its own stages' counters, when all is done.
    private let settings: WorkerSettings
    private let parts: ModelParts
    private let loop: RankLoop
    private let thread: StageThread
    private let timeline: Timeline?
    private let features: FeatureStore?
    private let vision: VisionStage?
    private let text: TextStage?
    private let group: (any TensorParallelGroup)?
    private let coordinator: Coordinator?
    private let threads: Int
    private let team: ThreadTeam
    private let computeLock: HostComputeLock?
    private let start = Date()
    private let stopped = StopFlag()
    private var drained = false
    private var supervisor: SupervisorMark?
    private var progress = ProgressLines()

    init(_ settings: WorkerSettings, _ parts: ModelParts, _ loop: RankLoop) throws {
        self.settings = settings
        self.parts = parts
        self.loop = loop
        timeline = settings.timeline.map { _ in Timeline(rank: loop.rank) }
        let sender = loop.sender
        let launch = Launch(worldSize: loop.size)
        threads = settings.threads ?? launch.threads()
        let alone = launch.localRanks * threads <= launch.cores
        let takesTurns = launch.takesTurns(threads: threads)
        let team = ThreadTeam(count: threads, spins: alone || takesTurns ? 2000 : 0)
        self.team = team
        computeLock = takesTurns ? loop.makeComputeLock(for: team) : nil
        let byRows = settings.prefill.map { $0 == .rows } ?? Launch.hasMemory(for: parts.weights.text.bytes)
        let cut = PrefillCut(
            split: try loop.allAgree(byRows) ? .rows : .columns, overlaps: try !loop.allAgree(computeLock != nil))
        sender.hasIdleCores = alone
        thread = StageThread(computeLock: computeLock) { sender.fail(.stage(reason: "\($0)")) }
        let (plan, configuration) = (parts.plan, parts.configuration)

        if plan.encodesPictures(loop.rank) {
            let tower = VisionTower(weights: parts.weights, configuration: configuration, team: team)
            try Watchdog.whileLoading(loop, limit: settings.watchdogSeconds) { try tower.prepareWeights() }
            vision = VisionStage(
                tower: tower, configuration: configuration.vision, thread: thread, sender: sender,
                codec: settings.link == .bfloat16 && loop.size > 1 ? LinkCodec(team: team) : nil,
                cacheBytes: settings.featureCache, folder: try Rank.featureFolder(settings, parts),
                adapterFingerprints: parts.adapters.all.map(\.fingerprint),
                computeLock: computeLock, timeline: timeline)
        } else {
            vision = nil
        }
        group = try loop.makeGroup(
            member: plan.holdsText(loop.rank), link: settings.link, team: team, computeLock: computeLock,
            timeline: timeline)
        if let slice = plan.slice(of: loop.rank), let group {
            let store = FeatureStore(configuration.vision, computeLock: computeLock, timeline: timeline)
            let gemma = Gemma(
                weights: parts.weights, configuration: configuration, slice: slice, group: group, team: team,
                cut: cut)
            try Watchdog.whileLoading(loop, limit: settings.watchdogSeconds) { try gemma.prepareWeights() }
            features = store
            text = TextStage(
                gemma: gemma, group: group, features: store, tokensPerPicture: configuration.vision.tokens,
                thread: thread, sender: sender, timeline: timeline)
        } else {
            (features, text) = (nil, nil)
        }
        supervisor = loop.rank == 0 ? settings.world.flatMap { SupervisorMark(world: $0, host: launch.host) } : nil
        // A server may have to be waited for: while nobody watches whether rank 0 gives signs of life.
        let queue = loop.rank == 0 ? try Rank.queue(of: settings, parts) : nil
        // No job is leased before every rank can work on it.
        _ = try loop.allAgree(true)
        if let queue {
            coordinator = Rank.makeCoordinator(queue, settings, parts, launch, sender: sender, timeline: timeline)
        } else {
            coordinator = nil
        }
        if loop.rank == 0, !settings.quiet {
            Talk.line(parts.plan.summary(parts, threads: threads, inTurns: computeLock != nil))
        }
    }

    private static func featureFolder(_ settings: WorkerSettings, _ parts: ModelParts) throws -> FeatureFolder? {
        guard let path = settings.featureFolder else { return nil }
        do {
            return try FeatureFolder(
                path: path, fingerprint: parts.weightsFingerprint, limit: settings.featureFolderSize,
                configuration: parts.configuration.vision
            ) { Talk.line($0) }
        } catch {
            throw EnvironmentError(description: error.description)
        }
    }

    private static func queue(of settings: WorkerSettings, _ parts: ModelParts) throws -> any JobQueue {
        let queue = try openQueue(settings.queue, timeout: .seconds(60))
        try queue.adopt(fingerprint: parts.fingerprint, modelName: parts.name)
        return queue
    }

    private static func makeCoordinator(
        _ queue: any JobQueue, _ settings: WorkerSettings, _ parts: ModelParts, _ launch: Launch, sender: RankOutbox,
        timeline: Timeline?
    ) -> Coordinator {
        let text = parts.configuration.text
        let bytes = parts.plan.slices.map { Gemma.cacheBytes(positions: 1, configuration: text, slice: $0) }
        let limits = Schedule.Limits(
            visionRanks: parts.plan.visionRanks, batchRows: settings.batchRows,
            typicalRows: parts.configuration.vision.tokens + 16, cacheBytesPerPosition: bytes.max() ?? 0,
            cacheBytes: settings.keyValueBudget)
        return Coordinator(
            queue: queue, plan: parts.plan, configuration: parts.configuration, limits: limits,
            tokenizer: parts.tokenizer, adapters: parts.adapters,
            settings: Coordinator.Settings(
                drain: settings.drain, lease: .seconds(settings.leaseSeconds),
                owner: settings.world ?? "\(launch.host):\(launch.processID)", drainTimeout: settings.drainTimeout,
                resize: settings.resize, image: ImageDecoder.Options(ignoreExif: settings.ignoreExif)),
            sender: sender, wake: { sender.wake() }, timeline: timeline)
    }

    /// What a watchdog looks at on this rank, besides the main loop.
    var subjects: [Watchdog.Subject] {
        let (sender, computeLock, features) = (loop.sender, computeLock, features)
        let stage = Watchdog.Subject(name: "the stage") { [thread, team] in
            guard thread.queued > 0 else { return .idle }
            let progress = team.progress &- UInt64(thread.queued)
            let waits = sender.isAwaited || computeLock?.isAwaited == true || features?.isAwaited == true
            return waits ? .waiting(progress) : .working(progress)
        }
        let helpers = coordinator?.helpers.map {
            // One call of the queue's may wait for a disk or a link for a minute.
            Watchdog.Subject(name: $0.name, patience: $0.name.contains("queue") ? 2 : 1, activity: $0.activity)
        }
        return [stage] + (helpers ?? [])
    }

    /// Works until the Coordinator has stopped the world.
    func run() throws -> ExitStatus {
        try loop.run(handle: receive) { [self] in
            guard let coordinator else { return stopped.isSet ? nil : false }
            if supervisor?.isGone ?? false { Signals.requestDrain() }
            if let signal = Signals.drain, !drained {
                drained = true
                if !settings.quiet { Talk.line("signal \(signal): finishing what is in flight") }
                try coordinator.drain()
            }
            if !settings.quiet { progress.update(coordinator.progress) }
            return try coordinator.step()
        }
        // The compute lock lies in memory that is freed with the world.
        thread.finish()
        guard let coordinator else { return .success }
        try writeTimeline(coordinator.reports)
        if let path = settings.report {
            try WorldReport(
                reports: coordinator.reports, progress: coordinator.progress, seconds: coordinator.workingSeconds
            ).write(to: path)
        }
        if !settings.quiet { progress.finish(coordinator.progress, seconds: -start.timeIntervalSinceNow) }
        switch Signals.drain {
        case SIGINT: return .interrupted
        case SIGTERM: return .terminated
        default: return coordinator.progress.failed > 0 ? .jobsFailed : .success
        }
    }

    private func receive(_ frame: IncomingFrame) throws {
        if frame.picture > 0 {
            try features?.receive(frame.bytes, of: frame.picture, from: frame.source)
            return
        }
        switch try Frame.decode(frame.bytes) {
        case .pixelBatch(let batch): try vision?.receive(batch)
        case .order(let order): order.kind == .stop ? stop() : text?.receive(order)
        case let other: try coordinator?.receive(other)
        }
    }

    /// When everything before it is done, this rank reports and may leave.
    private func stop() {
        thread.enqueue { [self] in
            loop.sender.send(try Frame.encode(report()), to: 0)
            stopped.set()
            loop.sender.wake()
        }
    }

    private func report() -> Report {
        let process = ProcessUsage()
        var counters: [(String, Double)] = [
            ("waiting_for_work_seconds", thread.waitingSeconds), ("processor_seconds", process.processorSeconds),
            ("private_memory_bytes", Double(process.privateBytes)), ("threads", Double(threads)),
            ("frames_sent_bytes", Double(loop.sender.sentFrameBytes)),
        ]
        if let computeLock { counters.append(("turn_wait_seconds", computeLock.waitingSeconds)) }
        if let vision {
            counters += vision.meter.counters
            if let first = vision.counters.firstStart {
                counters.append(("start_to_encode_seconds", process.secondsFromStart(to: first)))
            }
            counters += [
                ("encode_seconds", vision.counters.seconds), ("encoded_pictures", Double(vision.counters.pictures)),
                ("known_pictures", Double(vision.counters.knownPictures)),
            ]
        }
        if let text, let group, let features {
            counters += text.meter.counters
            counters += [
                ("feature_wait_seconds", features.waitingSeconds),
                ("prefill_seconds", text.counters.prefillSeconds), ("prefill_rows", Double(text.counters.prefillRows)),
                ("prefill_waiting_seconds", text.counters.prefillWaitingSeconds),
                ("decode_waiting_seconds", text.counters.decodeWaitingSeconds),
                ("decode_seconds", text.counters.decodeSeconds), ("decode_steps", Double(text.counters.decodeSteps)),
                ("decoded_tokens", Double(text.counters.decodedTokens)),
                ("collective_wait_seconds", group.waitingSeconds), ("collective_sent_bytes", Double(group.sentBytes)),
            ]
        }
        return Report(
            rank: UInt32(loop.rank), peakMemoryBytes: UInt64(process.peakBytes),
            counters: counters.map { Report.Counter(name: $0.0, value: $0.1) }, timeline: timeline?.json() ?? "")
    }

    private func writeTimeline(_ reports: [Report]) throws {
        guard let path = settings.timeline else { return }
        let events = reports.map(\.timeline).filter { !$0.isEmpty }.joined(separator: ",\n")
        do {
            try Data("[\n\(events)\n]\n".utf8).write(to: URL(fileURLWithPath: path))
        } catch {
            throw EnvironmentError(description: "cannot write the timeline \(path): \(error.localizedDescription)")
        }
    }
}

/// Set once by the stage's thread.
private final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}
