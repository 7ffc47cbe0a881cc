import Queue

/// The Coordinator's decisions as a pure state machine: events in, actions out. It knows no thread, no clock, no MPI
/// and no queue, so a test can try every order of events.
///
/// The way of a job:
///
///     lease -> prepare (read, resize, tokenize) -> wait -> [micro-batch: encode -> prefill] -> decode -> finish
///
/// Everything is bounded: leased jobs ahead of the vision stage, micro-batches between the stages, the KV cache of the
/// Gemma ranks, and the sequences that decode together.
package struct Schedule {
    package typealias JobID = UInt64
    package typealias BatchID = UInt64

    package struct Limits: Sendable, Equatable {
        /// The number of ranks that encode pictures.
        package var visionRanks: Int
        /// The maximum number of rows of pictures and prompts in a micro-batch; one job is taken whatever its rows.
        package var batchRows: Int
        /// The rows of a job with one picture and a short prompt, by which the number of leases ahead is chosen.
        package var typicalRows: Int
        /// The bytes of the KV cache for one position, on the Gemma rank that has the most.
        package var cacheBytesPerPosition: Int
        /// The maximum size of a rank's KV cache, in bytes; one job is admitted whatever it needs.
        package var cacheBytes: Int
        /// The maximum number of rows in a decode step.
        package var sequences: Int
        /// The number of steps of one decode order, which is the longest that a prefill waits.
        package var decodeSteps: Int

        package init(
            visionRanks: Int, batchRows: Int, typicalRows: Int, cacheBytesPerPosition: Int,
            cacheBytes: Int = 2 << 30, sequences: Int = 64, decodeSteps: Int = 8
        ) {
            self.visionRanks = visionRanks
            self.batchRows = batchRows
            self.typicalRows = typicalRows
            self.cacheBytesPerPosition = cacheBytesPerPosition
            self.cacheBytes = cacheBytes
            self.sequences = sequences
            self.decodeSteps = decodeSteps
        }

        /// The number of jobs leased and prepared ahead of the vision stage: two micro-batches for each vision rank.
        fileprivate var jobsAhead: Int {
            max(2, 2 * visionRanks * max(1, batchRows / max(1, typicalRows)))
        }
    }

    package enum Event: Equatable {
        /// The queue gave jobs, possibly none.
        case leased([JobID])
        /// A job is ready for the vision stage: the rows of its prefix, the maximum number of positions of its prefix
        /// and answers, and the maximum number of its rows in a decode step. An exclusive one has a micro-batch to
        /// itself. An urgent one, for whose answer somebody waits, goes before the others that wait.
        case prepared(
            JobID, rows: Int, positions: Int, sequenceRows: Int = 1, isExclusive: Bool = false, isUrgent: Bool = false)
        /// A job cannot be prepared; its failure has been reported to the queue.
        case unprepared(JobID)
        /// Nobody wants the answer of a job any more. Where it has begun it goes on until it is reported among those that ended.
        case abandoned(JobID)
        /// The first features of a batch have been sent.
        case encoding(BatchID)
        /// All features of a batch have been sent.
        case encoded(BatchID)
        /// The Gemma ranks have done the running order; some sequences ended with it.
        case answered(ended: [JobID])
        /// Finish the leased jobs, lease no others.
        case drain
        /// Ask the queue again, which had nothing.
        case retryQueue
        /// Ask the queue even where enough jobs are leased: it has urgent ones.
        case urgentJobs
    }

    package enum Action: Equatable {
        /// Ask the queue for up to this many jobs.
        case lease(Int)
        /// Read, resize, tokenize.
        case prepare(JobID)
        /// Send the pictures of these jobs to a vision rank as one micro-batch.
        case encode(BatchID, [JobID], visionRank: Int)
        /// Let the Gemma ranks prefill a batch.
        case prefill(BatchID, [JobID])
        /// Let the Gemma ranks decode.
        case decode([JobID], steps: Int)
        /// Give the job back to the queue.
        case release(JobID)
    }

    private struct Prepared {
        let job: JobID
        let rows: Int
        let positions: Int
        let sequenceRows: Int
        let isExclusive: Bool
        let isUrgent: Bool
    }

    /// A sequence that decodes.
    private struct DecodingJob {
        let positions: Int
        let sequenceRows: Int
        let isUrgent: Bool
    }

    private struct Batch {
        let id: BatchID
        let jobs: [Prepared]
        let visionRank: Int
        var started = false
        var encoded = false
        var prefilled = false
    }

    private enum Running {
        case prefill(BatchID)
        case decode
    }

    private let limits: Limits
    private var leasing = false
    private var queueIsEmpty = false
    private var draining = false
    private var expectsUrgentJobs = false
    private var preparing: Set<JobID> = []
    private var waiting: [Prepared] = []
    /// Batches from the vision stage to the end of their prefill, the oldest first.
    private var batches: [Batch] = []
    private var decoding: [JobID: DecodingJob] = [:]
    /// The keys of `decoding`, in the order of their prefills.
    private var decodingOrder: [JobID] = []
    private var running: Running?
    private var nextBatch: BatchID = 1

    package init(limits: Limits) {
        self.limits = limits
    }

    /// Whether no job is leased, and the queue had nothing or must not be asked.
    package var isIdle: Bool {
        !leasing && preparing.isEmpty && waiting.isEmpty && batches.isEmpty && decoding.isEmpty && running == nil
            && (queueIsEmpty || draining)
    }

    /// Returns whether a job is in a micro-batch or decodes: then it ends with an order of the Gemma ranks.
    package func hasBegun(_ job: JobID) -> Bool {
        decoding[job] != nil || batches.contains { $0.jobs.contains { $0.job == job } }
    }

    /// The number of jobs that this world has leases of.
    package var jobsInFlight: Int {
        preparing.count + waiting.count + decoding.count
            + batches.reduce(0) { $0 + ($1.prefilled ? 0 : $1.jobs.count) }
    }

    /// Takes an event and returns what to do next.
    package mutating func handle(_ event: Event) -> [Action] {
        var actions: [Action] = []
        switch event {
        case .leased(let jobs):
            leasing = false
            queueIsEmpty = jobs.isEmpty
            if draining {
                actions += jobs.map { .release($0) }
            } else {
                preparing.formUnion(jobs)
                actions += jobs.map { .prepare($0) }
            }
        case .prepared(let job, let rows, let positions, let sequenceRows, let isExclusive, let isUrgent):
            preparing.remove(job)
            if draining {
                actions.append(.release(job))
            } else {
                let place = isUrgent ? waiting.firstIndex { !$0.isUrgent } : nil
                waiting.insert(
                    Prepared(
                        job: job, rows: rows, positions: positions, sequenceRows: sequenceRows,
                        isExclusive: isExclusive, isUrgent: isUrgent), at: place ?? waiting.endIndex)
            }
        case .unprepared(let job):
            preparing.remove(job)
        case .abandoned(let job):
            preparing.remove(job)
            waiting.removeAll { $0.job == job }
        case .encoding(let batch):
            change(batch) { $0.started = true }
        case .encoded(let batch):
            change(batch) {
                $0.started = true
                $0.encoded = true
            }
        case .answered(let ended):
            finishRunning(ended: ended)
        case .drain:
            draining = true
            actions += waiting.map { .release($0.job) }
            waiting.removeAll()
        case .retryQueue:
            queueIsEmpty = false
        case .urgentJobs:
            queueIsEmpty = false
            expectsUrgentJobs = true
        }
        return actions + decide()
    }

    private mutating func change(_ batch: BatchID, _ body: (inout Batch) -> Void) {
        guard let index = batches.firstIndex(where: { $0.id == batch }) else { return }
        body(&batches[index])
        dropFinishedBatches()
    }

    private mutating func finishRunning(ended: [JobID]) {
        if case .prefill(let id) = running, let index = batches.firstIndex(where: { $0.id == id }) {
            batches[index].prefilled = true
            for entry in batches[index].jobs {
                decoding[entry.job] = DecodingJob(
                    positions: entry.positions, sequenceRows: entry.sequenceRows, isUrgent: entry.isUrgent)
                decodingOrder.append(entry.job)
            }
        }
        running = nil
        for job in ended { decoding[job] = nil }
        decodingOrder.removeAll { decoding[$0] == nil }
        dropFinishedBatches()
    }

    private mutating func dropFinishedBatches() {
        batches.removeAll { $0.encoded && $0.prefilled }
    }

    // MARK: What to do next

    private mutating func decide() -> [Action] {
        leaseMore() + encodeMore() + orderMore()
    }

    private mutating func leaseMore() -> [Action] {
        let ahead = preparing.count + waiting.count
        // Asking for many at once keeps the queue's transactions few.
        let isShort = ahead <= limits.jobsAhead / 2
        let asksForUrgent = expectsUrgentJobs && ahead < Self.maximumUrgentFactor * limits.jobsAhead
        guard !leasing, !queueIsEmpty, !draining, isShort || asksForUrgent else { return [] }
        leasing = true
        expectsUrgentJobs = false
        return [.lease(max(1, limits.jobsAhead - ahead))]
    }

    /// How many times the usual number of jobs may be leased ahead where some are urgent.
    private static let maximumUrgentFactor = 2

    /// Whether somebody waits for the answer of a job.
    private var hasUrgentJobs: Bool {
        waiting.contains(where: \.isUrgent) || decoding.values.contains(where: \.isUrgent)
    }

    /// Gives a vision rank the next batch, where that is full or no more jobs are expected soon. For a rank without a
    /// batch none are expected when no picture is being read. A rank with a batch needs the next one only so that it
    /// never waits, so there the queue must have no more either: Gemma's weights are read for every batch, whatever it
    /// holds.
    private mutating func encodeMore() -> [Action] {
        var actions: [Action] = []
        while !waiting.isEmpty {
            guard batches.filter({ !$0.prefilled }).count < 2 * limits.visionRanks + 1 else { break }
            let load = (0..<limits.visionRanks).map { rank in
                batches.filter { $0.visionRank == rank && !$0.encoded }.count
            }
            guard let rank = load.indices.min(by: { load[$0] < load[$1] }), load[rank] < 2 else { break }
            let moreToCome = !preparing.isEmpty || load[rank] > 0 && leasing
            let isAlone = waiting[0].isExclusive || waiting[0].isUrgent
            let hasRoom = isAlone ? false : waitingRows + limits.typicalRows <= limits.batchRows
            if moreToCome, hasRoom { break }
            let batch = Batch(id: nextBatch, jobs: takeBatch(), visionRank: rank)
            nextBatch += 1
            batches.append(batch)
            actions.append(.encode(batch.id, batch.jobs.map(\.job), visionRank: rank))
        }
        return actions
    }

    private var waitingRows: Int { waiting.reduce(0) { $0 + $1.rows } }

    /// Takes the oldest prepared jobs, as many as the micro-batch's rows and the Gemma ranks' memory allow.
    private mutating func takeBatch() -> [Prepared] {
        var (taken, rows, positions, sequenceRows): ([Prepared], Int, Int, Int) = ([], 0, 0, 0)
        while let next = waiting.first {
            let fits =
                rows + next.rows <= limits.batchRows
                && (positions + next.positions) * limits.cacheBytesPerPosition <= limits.cacheBytes
                && sequenceRows + next.sequenceRows <= limits.sequences && !next.isExclusive
                && taken.first?.isExclusive != true && taken.first.map { $0.isUrgent == next.isUrgent } != false
            guard taken.isEmpty || fits else { break }
            taken.append(waiting.removeFirst())
            rows += next.rows
            positions += next.positions
            sequenceRows += next.sequenceRows
        }
        return taken
    }

    /// Gives the Gemma ranks the next order; they do one at a time. A batch whose features have begun to come is
    /// prefilled first, where its KV cache has room beside the others; otherwise all sequences decode together.
    private mutating func orderMore() -> [Action] {
        guard running == nil else { return [] }
        if let batch = batches.first(where: { $0.started && !$0.prefilled }), isAdmissible(batch) {
            running = .prefill(batch.id)
            return [.prefill(batch.id, batch.jobs.map(\.job))]
        }
        guard !decodingOrder.isEmpty else { return [] }
        running = .decode
        // Who reads along gets every token when it is there, and who comes next waits for one step.
        return [.decode(decodingOrder, steps: hasUrgentJobs ? 1 : limits.decodeSteps)]
    }

    private func isAdmissible(_ batch: Batch) -> Bool {
        guard !decoding.isEmpty else { return true }
        let positions = decoding.values.reduce(0) { $0 + $1.positions } + batch.jobs.reduce(0) { $0 + $1.positions }
        let sequenceRows =
            decoding.values.reduce(0) { $0 + $1.sequenceRows } + batch.jobs.reduce(0) { $0 + $1.sequenceRows }
        return positions * limits.cacheBytesPerPosition <= limits.cacheBytes && sequenceRows <= limits.sequences
    }
}
