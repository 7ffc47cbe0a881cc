import Base
import Fetch
import Foundation
import JobPictures
import PaliGemma
import Pictures
import Queue
import ShardPlan
import Wire

/// Rank 0's work: it leases jobs, has them prepared, sends micro-batches to the vision ranks and orders to the Gemma
/// ranks, and finishes jobs. What to do when is decided by ``Schedule``; this class does it.
///
/// The way of one job:
///
///  1. ``LeaseKeeper`` leases it from the queue on a thread of its own and reports it.
///  2. ``PicturePreparer`` reads its pictures and its prompt on threads of its own and reports it prepared.
///  3. ``RankMessenger`` sends a micro-batch of its pictures to a vision rank, which sends their features to the Gemma
///     ranks; then it orders their prefill, and then decode steps.
///  4. ``InFlightJob`` collects the tokens that come back, until it is answered or has failed.
///  5. ``LeaseKeeper`` writes the answer into the queue and reports it settled.
///
/// All calls come from the rank's main thread; helper threads leave their reports in a mailbox.
package final class Coordinator {
    /// How long the queue's thread may take to give back the leased jobs after a drain has timed out, in seconds.
    private static let giveBackTimeout = 3.0

    private let plan: ShardPlan
    private let configuration: ModelConfiguration
    private let tokenizer: Tokenizer
    private let settings: Settings
    private let inbox = Mailbox<HelperReport>()
    private let channel: any QueueChannel
    private let keeper: LeaseKeeper
    private let preparer: PicturePreparer
    private var messenger: RankMessenger
    private var schedule: Schedule
    private var jobs = InFlightJobs()
    private var polling = QueuePolling()
    private var stopping = false
    private var queueIsClosed = false
    private var drainDeadline: DispatchTime?
    /// The final reports of all ranks, as they come in.
    package private(set) var reports: [Report] = []
    package private(set) var progress = Progress()
    /// Ends of jobs that the queue has not yet taken.
    private var unsettled = 0
    private let clock: Locked<StageClock>
    /// From the first lease to the last token, in nanoseconds of the monotonic clock; nil before the first lease.
    private var work: (start: UInt64, end: UInt64)?
    /// The time from the first lease to the last token, in seconds.
    package var workingSeconds: Double { work.map { Double($0.end - $0.start) / 1e9 } ?? 0 }

    /// - Parameters:
    ///   - openChannel: Opens the channel of the queue, given who takes its messages.
    ///   - sender: Sends frames to all ranks, this one too.
    /// - Throws: What `openChannel` throws.
    ///   - wake: Called on a helper thread when it has left a report, so that ``step()`` is called soon.
    package init(
        queue: any JobQueue,
        openChannel: (@escaping @Sendable (QueueMessage) -> Void) throws(QueueError) -> any QueueChannel,
        plan: ShardPlan, configuration: ModelConfiguration, limits: Schedule.Limits,
        tokenizer: Tokenizer, adapters: AdapterSet, settings: Settings, sender: any FrameSender,
        wake: @escaping @Sendable () -> Void, timeline: Timeline? = nil
    ) throws(QueueError) {
        self.plan = plan
        self.configuration = configuration
        self.tokenizer = tokenizer
        self.settings = settings
        messenger = RankMessenger(
            plan: plan, vision: configuration.vision, adapters: adapters, sender: sender)
        schedule = Schedule(limits: limits)
        let clock = Locked(StageClock(plan: plan, now: Timeline.now()))
        self.clock = clock
        let report = { @Sendable [inbox] (report: HelperReport) in
            inbox.put(report)
            wake()
        }
        channel = try openChannel { message in
            switch message {
            case .jobsAdded: report(.jobsAdded)
            case .jobsCanceled: report(.jobsCanceled)
            case .progress, .ended: break
            }
        }
        keeper = LeaseKeeper(
            queue: queue, owner: settings.owner, duration: settings.lease, channel: channel, record: settings.record,
            times: { clock.withLock { $0.report(now: Timeline.now()) } }, report: report)
        preparer = PicturePreparer(
            threads: settings.preparingThreads, tokenizer: tokenizer, configuration: configuration,
            adapters: adapters,
            reader: PictureReader(
                side: configuration.vision.imageSize, resize: settings.resize,
                filter: configuration.vision.preprocessing.filter, options: settings.image,
                budget: settings.pictureBudget),
            store: PictureStore(fetching: settings.fetching, root: settings.pictureRoot), timeline: timeline,
            report: report)
    }

    /// The helper threads, by name, and their activity, for a watchdog.
    package var helpers: [(name: String, activity: @Sendable () -> Activity)] {
        let (keeper, counters) = (keeper, preparer.counters)
        let readers = counters.map { counter in
            (name: "a thread that reads pictures", activity: { @Sendable in counter.activity })
        }
        return [("the queue's thread", { @Sendable in keeper.activity })] + readers
    }

    // MARK: The loop

    /// Does one round of the rank's loop.
    ///
    /// - Returns: Whether anything happened; nil when all ranks have stopped.
    /// - Throws: `QueueError` where the queue fails, ``NotDrained`` where a drain has timed out.
    package func step() throws -> Bool? {
        var worked = false
        for report in inbox.takeAll() {
            try receive(report)
            worked = true
        }
        if let drainDeadline, !queueIsClosed, drainDeadline <= .now() { try endDrain() }
        if polling.isDue() { try perform(schedule.handle(.retryQueue)) }
        // A job whose end the queue has not yet taken may come back for another attempt.
        if !stopping, !polling.isPlanned, schedule.isIdle, unsettled == 0 { stop() }
        return stopping && reports.count == plan.ranks ? nil : worked
    }

    /// Finishes the leased jobs, leases no others, and then ends.
    ///
    /// - Throws: `WireError` for an order that no frame holds.
    package func drain() throws {
        drainDeadline = drainDeadline ?? .now() + settings.drainTimeout.inSeconds
        try perform(schedule.handle(.drain))
    }

    /// Gives the leased jobs back to the queue.
    private func endDrain() throws(NotDrained) {
        let jobs = schedule.jobsInFlight
        preparer.stop()
        keeper.stop()
        let isGivenBack = keeper.finish(within: Self.giveBackTimeout)
        throw NotDrained(jobs: jobs, timeout: settings.drainTimeout, isGivenBack: isGivenBack)
    }

    /// Lets the queue's thread finish. It may have to wait for a server, and the main loop goes on meanwhile.
    private func stop() {
        stopping = true
        preparer.stop()
        keeper.stop()
    }

    // MARK: Events

    /// Takes a report of a helper thread.
    private func receive(_ report: HelperReport) throws {
        switch report {
        case .leased(let leases):
            polling.reset()
            work = work ?? (Timeline.now(), Timeline.now())
            try perform(schedule.handle(.leased(leases.map { jobs.add($0) })))
        case .queueEmpty(let outstanding, let nextReady):
            // Other worlds may give jobs back, or their leases may expire; without a drain new jobs may come.
            if !settings.drain || outstanding > 0 { polling.plan(dueIn: nextReady) }
            try perform(schedule.handle(.leased([])))
        case .holdsEnough:
            polling.planSoon()
            try perform(schedule.handle(.leased([])))
        case .prepared(let id, let prepared):
            // Nobody wants it any more.
            guard jobs[id] != nil else { return }
            jobs[id]?.prepared = prepared
            let isUrgent = jobs[id]?.lease.job.service != nil
            let rows = jobs[id]?.prefixRows(tokensPerPicture: configuration.vision.tokens) ?? 0
            let maxTokens = jobs[id]?.lease.job.maxTokens ?? 0
            try perform(
                schedule.handle(
                    .prepared(
                        id, rows: rows,
                        positions: prepared.decoding.positions(prefixRows: rows, maxTokens: maxTokens),
                        sequenceRows: prepared.decoding.rows, isExclusive: prepared.decoding.needsBatchInvariance,
                        isUrgent: isUrgent)))
        case .unprepared(let id, let failure, let permanent):
            if let job = jobs.remove(id) { fail(job, failure, permanent: permanent) }
            try perform(schedule.handle(.unprepared(id)))
        case .settled(let settlement):
            settle(settlement)
        case .lost(let handles):
            try abandon(Set(handles))
        case .jobsCanceled:
            // What does not hold any more is found by renewing it.
            if schedule.jobsInFlight > 0 { keeper.renew() }
        case .jobsAdded:
            if polling.isPlanned { polling.planNow() }
            try perform(schedule.handle(.urgentJobs))
        case .queueFailed(let error):
            throw error
        case .queueClosed:
            queueIsClosed = true
            channel.close()
            if stopping { try messenger.stop() }
        }
    }

    /// Stops the work on jobs whose answers the queue would refuse.
    private func abandon(_ handles: Set<LeaseHandle>) throws {
        for id in jobs.ids(of: handles) {
            if schedule.hasBegun(id) {
                // Its next tokens are its last.
                jobs[id]?.isAbandoned = true
            } else {
                _ = jobs.remove(id)
                try perform(schedule.handle(.abandoned(id)))
            }
        }
    }

    private func settle(_ settlement: HelperReport.Settlement) {
        unsettled -= 1
        switch settlement {
        case .answered: progress.answered += 1
        case .failed: progress.failed += 1
        case .retried: polling.planSoonUnlessPlanned()
        case .stale: break
        }
        // A queue that had nothing for this world may have something for a world that holds less.
        if polling.isPlanned, schedule.jobsInFlight == 0 { polling.planNow() }
    }

    /// Takes a message from another rank or from this rank's own stages.
    ///
    /// - Throws: `WireError` for an order that no frame holds.
    package func receive(_ message: AnyMessage) throws {
        switch message {
        case .encoded(let encoded):
            if encoded.finished { clock.withLock { $0.endEncoding(encoded.batchID, now: Timeline.now()) } }
            try perform(
                schedule.handle(encoded.finished ? .encoded(encoded.batchID) : .encoding(encoded.batchID)))
        case .tokens(let tokens):
            clock.withLock { $0.endOrder(now: Timeline.now()) }
            var ended: [Schedule.JobID] = []
            for result in tokens.results {
                if try take(result) { ended.append(result.sequenceID) }
            }
            try perform(schedule.handle(.answered(ended: ended)))
        case .report(let report):
            reports.append(report)
        default:
            break
        }
    }

    /// Takes new tokens of a sequence; returns whether its job has ended.
    private func take(_ result: Tokens.Result) throws -> Bool {
        let id = result.sequenceID
        if jobs[id]?.isAbandoned == true {
            if result.status == .unfinished { try messenger.cancel(id) }
            _ = jobs.remove(id)
            return true
        }
        let tokens = configuration.vision.tokens
        guard jobs[id]?.prepared != nil,
            let (state, cancels) = jobs[id]?.take(result, tokenizer: tokenizer, tokensPerPicture: tokens)
        else { return false }
        work?.end = Timeline.now()
        if cancels { try messenger.cancel(id) }
        if case .unfinished = state {
            if let (service, progress) = jobs[id]?.progress(tokenizer: tokenizer) {
                channel.send([.progress(progress)], to: .service(service))
            }
            return false
        }
        guard let job = jobs.remove(id) else { return false }
        switch state {
        case .unfinished: break
        case .failed(let failure): fail(job, failure, permanent: true)
        case .answered(let answer):
            unsettled += 1
            keeper.finish(job.lease.handle, answer, service: job.lease.job.service)
            progress.pictures += job.pictureIDs.count
        }
        return true
    }

    private func fail(_ job: InFlightJob, _ failure: JobFailure, permanent: Bool) {
        unsettled += 1
        keeper.fail(
            job.lease.handle, failure, permanent: permanent, seconds: job.seconds, service: job.lease.job.service)
    }

    // MARK: Actions

    private func perform(_ actions: [Schedule.Action]) throws {
        for action in actions {
            switch action {
            case .lease(let count): keeper.lease(count)
            case .prepare(let id):
                if let job = jobs[id] { preparer.prepare(id, job.lease.job) }
            case .encode(let batch, let ids, let rank):
                clock.withLock { $0.beginEncoding(batch, rank: rank, now: Timeline.now()) }
                try messenger.encode(batch, ids.compactMap { jobs[$0] }, visionRank: rank)
                // The pixels have been sent; the rest is needed again.
                for id in ids { jobs[id]?.prepared?.pictures = [] }
            case .prefill(let batch, let ids):
                clock.withLock { $0.begin(.prefill, now: Timeline.now()) }
                try messenger.prefill(batch, ids.compactMap { id in jobs[id].map { (id, $0) } })
            case .decode(let ids, let steps):
                clock.withLock { $0.begin(.decode, now: Timeline.now()) }
                try messenger.decode(ids, steps: steps)
            case .release(let id):
                if let job = jobs.remove(id) { keeper.release([job.lease.handle]) }
            }
        }
    }
}
