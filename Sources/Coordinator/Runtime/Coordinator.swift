import Base
import Foundation
import PaliGemma
import Pictures
import Queue
import ShardPlan
import Wire

/// A drain took too long; what was in flight has been given back to the queue, where that answered.
package struct NotDrained: Error, CustomStringConvertible {
    package let jobs: Int
    package let timeout: Duration
    package let isGivenBack: Bool

    package var description: String {
        "not drained after \(timeout.inSeconds.formatted()) s; "
            + (isGivenBack
                ? "\(jobs) jobs went back to the queue"
                : "the queue does not answer, what this world had comes back when its leases run out")
    }
}

/// Rank 0's work: it leases jobs, has them prepared, sends micro-batches to the vision ranks and orders to the Gemma
/// ranks, and finishes jobs. What to do when is decided by ``Schedule``; this class does it.
///
/// All calls come from the rank's main thread; helper threads leave messages in an inbox.
package final class Coordinator {
    package struct Settings: Sendable {
        /// End when the queue has nothing outstanding; otherwise wait for more.
        package var drain: Bool
        /// How long a lease holds without renewal.
        package var lease: Duration
        /// "host:pid", for people to read.
        package var owner: String
        /// What a drain may take before what is in flight is given back.
        package var drainTimeout: Duration
        package var preparingThreads: Int
        package var resize: PictureResize
        package var image: ImageDecoder.Options

        package init(
            drain: Bool, lease: Duration, owner: String, drainTimeout: Duration = .seconds(120),
            preparingThreads: Int = 2, resize: PictureResize = .pillow,
            image: ImageDecoder.Options = ImageDecoder.Options()
        ) {
            self.resize = resize
            self.drainTimeout = drainTimeout
            self.drain = drain
            self.lease = lease
            self.owner = owner
            self.preparingThreads = preparingThreads
            self.image = image
        }
    }

    /// Seconds that the queue's thread may take to give back what is in flight when a drain has taken too long.
    private static let patience = 3.0

    /// A leased job on its way.
    private struct Flight {
        let lease: Lease
        let pictureIDs: [UInt64]
        /// Nanoseconds of the monotonic clock, and what has passed since, in seconds.
        let start = Timeline.now()
        var seconds: Double { Double(Timeline.now() - start) / 1e9 }
        var prepared: PreparedJob?
        var answer = AnswerBuilder()
    }

    private let plan: ShardPlan
    private let configuration: ModelConfiguration
    private let tokenizer: Tokenizer
    private let adapters: AdapterSet
    private let settings: Settings
    private let sender: any FrameSender
    private let inbox: Inbox
    private let keeper: QueueKeeper
    private let preparer: PicturePreparer
    private var schedule: Schedule
    private var flights: [Schedule.JobID: Flight] = [:]
    private var nextJob: Schedule.JobID = 1
    private var nextPicture: UInt64 = 1
    private var nextOrder: UInt64 = 1
    /// When to ask a queue that had nothing, or was not asked yet. By the monotonic clock, as all times here: who sets
    /// the wall clock delays nothing.
    private var askAgain: DispatchTime? = .now()
    private var idlePause = IdlePause()
    private var stopping = false
    private var queueIsClosed = false
    private var drainDeadline: DispatchTime?
    /// The last reports of the other ranks and of this one, as they come in.
    package private(set) var reports: [Report] = []
    /// What became of this world's jobs, as far as the queue has taken it.
    package private(set) var progress = Progress()
    /// From the first leased job to the last token, by the monotonic clock in nanoseconds; nil before the first job.
    private var work: (start: UInt64, end: UInt64)?
    package var workingSeconds: Double { work.map { Double($0.end - $0.start) / 1e9 } ?? 0 }

    package struct Progress: Sendable, Equatable {
        package var answered = 0
        package var failed = 0
        package var pictures = 0
    }

    package init(
        queue: any JobQueue, plan: ShardPlan, configuration: ModelConfiguration, limits: Schedule.Limits,
        tokenizer: Tokenizer, adapters: AdapterSet, settings: Settings, sender: any FrameSender,
        wake: @escaping @Sendable () -> Void,
        timeline: Timeline? = nil
    ) {
        self.plan = plan
        self.configuration = configuration
        self.tokenizer = tokenizer
        self.adapters = adapters
        self.settings = settings
        self.sender = sender
        let inbox = Inbox(wake: wake)
        self.inbox = inbox
        schedule = Schedule(limits: limits)
        keeper = QueueKeeper(queue: queue, owner: settings.owner, duration: settings.lease) { inbox.put($0) }
        preparer = PicturePreparer(
            threads: settings.preparingThreads, tokenizer: tokenizer, configuration: configuration,
            adapters: adapters,
            reader: PictureReader(
                side: configuration.vision.imageSize, resize: settings.resize, options: settings.image),
            timeline: timeline
        ) { inbox.put($0) }
    }

    /// The threads beside the main one, by name, and whether they get on.
    package var helpers: [(name: String, activity: @Sendable () -> Activity)] {
        let (keeper, marks) = (keeper, preparer.marks)
        let readers = marks.map { mark in
            (name: "a thread that reads pictures", activity: { @Sendable in mark.activity })
        }
        return [("the queue's thread", { @Sendable in keeper.activity })] + readers
    }

    /// Finishes what is in flight and ends.
    package func drain() throws {
        drainDeadline = drainDeadline ?? .now() + settings.drainTimeout.inSeconds
        try take(schedule.handle(.drain))
    }

    /// Gives everything back.
    private func endDrain() throws {
        let jobs = schedule.jobsInFlight
        preparer.stop()
        keeper.stop()
        let isGivenBack = keeper.finish(within: Self.patience)
        throw NotDrained(jobs: jobs, timeout: settings.drainTimeout, isGivenBack: isGivenBack)
    }

    // MARK: What comes in

    /// One round of the rank's loop.
    ///
    /// - Returns: whether anything happened; nil when all ranks have stopped.
    package func step() throws -> Bool? {
        var worked = false
        for message in inbox.takeAll() {
            try receive(message)
            worked = true
        }
        if let drainDeadline, !queueIsClosed, drainDeadline <= .now() { try endDrain() }
        if let askAgain, askAgain <= .now() {
            self.askAgain = nil
            try take(schedule.handle(.retryQueue))
        }
        if !stopping, askAgain == nil, schedule.isIdle { stop() }
        return stopping && reports.count == plan.ranks ? nil : worked
    }

    private func receive(_ message: Inbox.Message) throws {
        switch message {
        case .leased(let leases):
            idlePause.reset()
            try take(schedule.handle(.leased(leases.map(board))))
        case .queueEmpty(let outstanding, let nextReady):
            // Others may give jobs back, or their leases may run out; without a drain new jobs may come.
            if !settings.drain || outstanding > 0 { askAgain = .now() + idlePause.next(dueIn: nextReady) }
            try take(schedule.handle(.leased([])))
        case .holdsEnough:
            askAgain = .now() + IdlePause.shortest
            try take(schedule.handle(.leased([])))
        case .prepared(let id, let job):
            flights[id]?.prepared = job
            let rows = job.pictures.count * configuration.vision.tokens + job.textTokens.count
            let longest = flights[id]?.lease.job.maxTokens ?? 0
            let positions = job.decoding.positions(prefixRows: rows, maxTokens: longest)
            try take(
                schedule.handle(
                    .prepared(
                        id, rows: rows, positions: positions, lanes: job.decoding.rows, alone: job.decoding.isSteady)))
        case .unprepared(let id, let failure, let permanent):
            if let flight = flights.removeValue(forKey: id) { fail(flight, failure, permanent: permanent) }
            try take(schedule.handle(.unprepared(id)))
        case .settled(let settlement):
            settle(settlement)
        case .queueFailed(let error):
            throw error
        case .queueClosed:
            queueIsClosed = true
            if stopping { try endRanks() }
        }
    }

    private func settle(_ settlement: Inbox.Settlement) {
        switch settlement {
        case .answered: progress.answered += 1
        case .failed: progress.failed += 1
        case .retried: askAgain = askAgain ?? .now() + IdlePause.shortest
        case .stale: break
        }
        // A queue that had nothing for us may have something for a world that has less.
        if askAgain != nil, schedule.jobsInFlight == 0 { askAgain = .now() }
    }

    private func board(_ lease: Lease) -> Schedule.JobID {
        work = work ?? (Timeline.now(), Timeline.now())
        let pictures = (0..<lease.job.pictureCount).map { _ in
            defer { nextPicture += 1 }
            return nextPicture
        }
        defer { nextJob += 1 }
        flights[nextJob] = Flight(lease: lease, pictureIDs: pictures)
        return nextJob
    }

    /// Takes a frame from another rank or from this rank's own stages.
    package func receive(_ frame: AnyMessage) throws {
        switch frame {
        case .encoded(let encoded):
            try take(
                schedule.handle(encoded.finished ? .encoded(encoded.batchID) : .encoding(encoded.batchID)))
        case .tokens(let tokens):
            var ended: [Schedule.JobID] = []
            for result in tokens.results {
                if let id = try take(result) { ended.append(id) }
            }
            try take(schedule.handle(.answered(ended: ended)))
        case .report(let report):
            reports.append(report)
        default:
            break
        }
    }

    /// Takes new tokens of a sequence; returns its id where it has ended.
    private func take(_ result: Tokens.Result) throws -> Schedule.JobID? {
        let id = result.sequenceID
        guard let options = flights[id]?.prepared?.options else { return nil }
        work?.end = Timeline.now()
        let isStopped = flights[id]?.answer.take(result, options: options, tokenizer: tokenizer) ?? false
        // The ranks know nothing of texts and would go on.
        if isStopped, result.finish == .none { try order(Order(sequenceNumber: 0, kind: .cancel, sequenceIDs: [id])) }
        guard isStopped || result.finish != .none, let flight = flights.removeValue(forKey: id) else { return nil }
        if result.finish == .damaged {
            let names = flight.lease.job.images.map(\.name).joined(separator: ", ")
            let message = "the features of \(names) were damaged on their way between two ranks; submit the job again"
            fail(flight, JobFailure(code: "features_damaged", message: message), permanent: true)
            return id
        }
        guard flight.answer.isFinite(options) else {
            let message =
                "the model's numbers for it are not finite; a weight of the checkpoint may be NaN or infinite, get it anew"
            fail(flight, JobFailure(code: "not_finite", message: message), permanent: true)
            return id
        }
        let answer = flight.answer.answer(
            result.finish, options: options, tokenizer: tokenizer, seconds: flight.seconds,
            picture: flight.prepared?.pictureSize, prompt: flight.lease.job.prompt)
        keeper.finish(flight.lease.ticket, answer)
        progress.pictures += flight.pictureIDs.count
        return id
    }

    private func fail(_ flight: Flight, _ failure: JobFailure, permanent: Bool) {
        keeper.fail(
            flight.lease.ticket, failure, permanent: permanent, seconds: flight.seconds)
    }

    // MARK: What goes out

    private func take(_ actions: [Schedule.Action]) throws {
        for action in actions {
            switch action {
            case .lease(let count): keeper.lease(count)
            case .prepare(let id):
                if let flight = flights[id] { preparer.prepare(id, flight.lease.job) }
            case .encode(let batch, let jobs, let rank): try encode(batch, jobs, visionRank: rank)
            case .prefill(let batch, let jobs): try prefill(batch, jobs)
            case .decode(let jobs, let steps):
                try order(Order(sequenceNumber: 0, kind: .decode, steps: UInt32(steps), sequenceIDs: jobs))
            case .release(let id):
                if let flight = flights.removeValue(forKey: id) { keeper.release([flight.lease.ticket]) }
            }
        }
    }

    /// The pixels of a micro-batch, and which rows of its pictures each Gemma rank owns.
    private func encode(_ batch: Schedule.BatchID, _ jobs: [Schedule.JobID], visionRank: Int) throws {
        var pictures: [PixelBatch.Picture] = []
        for id in jobs {
            guard let flight = flights[id], let prepared = flight.prepared else { continue }
            let adapter = prepared.adapter.map { adapters.all[$0].changesVision ? UInt32($0 + 1) : 0 } ?? 0
            pictures += zip(flight.pictureIDs, prepared.pictures).map {
                PixelBatch.Picture(id: $0, rgb: $1, adapter: adapter)
            }
        }
        let frame = PixelBatch(
            batchID: batch, side: UInt32(configuration.vision.imageSize), pictures: pictures, routes: routes(jobs),
            steady: jobs.contains { flights[$0]?.prepared?.decoding.isSteady ?? false })
        sender.send(try Frame.encode(frame), to: visionRank)
        for id in jobs {
            // The pixels are on their way; only the rest is needed again.
            flights[id]?.prepared?.pictures = []
        }
    }

    /// Every Gemma rank gets the rows that it owns in the prefill, and no others.
    private func routes(_ jobs: [Schedule.JobID]) -> [PixelBatch.Route] {
        let tokens = configuration.vision.tokens
        let prefixes = jobs.compactMap { flights[$0] }.map { flight in
            (pictures: flight.pictureIDs, rows: prefixRows(flight))
        }
        let rows = PrefillRows(total: prefixes.reduce(0) { $0 + $1.rows }, ranks: plan.textRanks)
        var routes: [PixelBatch.Route] = []
        var start = 0
        for prefix in prefixes {
            for (index, picture) in prefix.pictures.enumerated() {
                let first = start + index * tokens
                for rank in 0..<plan.textRanks {
                    let own = (first..<first + tokens).clamped(to: rows.owned(by: rank))
                    guard !own.isEmpty else { continue }
                    routes.append(
                        PixelBatch.Route(
                            pictureID: picture, firstRow: UInt32(own.lowerBound - first), rowCount: UInt32(own.count),
                            destinationRank: UInt32(plan.firstTextRank + rank)))
                }
            }
            start += prefix.rows
        }
        return routes
    }

    private func prefixRows(_ flight: Flight) -> Int {
        flight.pictureIDs.count * configuration.vision.tokens + (flight.prepared?.textTokens.count ?? 0)
    }

    private func prefill(_ batch: Schedule.BatchID, _ jobs: [Schedule.JobID]) throws {
        let sequences = jobs.compactMap { id -> Order.Sequence? in
            guard let flight = flights[id], let prepared = flight.prepared else { return nil }
            return Order.Sequence(
                id: id, pictureIDs: flight.pictureIDs, textTokens: prepared.textTokens,
                maxTokens: UInt32(flight.lease.job.maxTokens), decoding: Order.Decoding(prepared.decoding),
                adapter: UInt32(prepared.adapter.map { $0 + 1 } ?? 0))
        }
        try order(Order(sequenceNumber: 0, kind: .prefill, batchID: batch, sequences: sequences))
    }

    /// Numbers an order and sends it to every Gemma rank.
    private func order(_ order: Order) throws {
        var numbered = order
        numbered.sequenceNumber = nextOrder
        nextOrder += 1
        let frame = try Frame.encode(numbered)
        for rank in plan.firstTextRank..<plan.ranks { sender.send(frame, to: rank) }
    }

    /// Lets the queue's thread do what is left. It may have to wait for a server, and the main loop goes on meanwhile.
    private func stop() {
        stopping = true
        preparer.stop()
        keeper.stop()
    }

    /// All is in the queue: nothing is left for the ranks to do.
    private func endRanks() throws {
        let frame = try Frame.encode(Order(sequenceNumber: nextOrder, kind: .stop))
        for rank in 0..<plan.ranks { sender.send(frame, to: rank) }
    }
}
