import Queue

/// The Coordinator's decisions as a pure state machine: events in, actions out. It knows no thread, no clock, no MPI
/// and no queue, and so every order of events can be tried by hand.
///
/// A job's way:
///
///     lease -> prepare (read, resize, tokenise) -> wait -> [micro-batch: encode -> prefill] -> decode -> finish
///
/// Bounded everywhere: leased jobs ahead of the vision stage, micro-batches between the stages, keys and values on
/// the Gemma ranks, living sequences.
package struct Schedule {
    package typealias JobID = UInt64
    package typealias BatchID = UInt64

    package struct Limits: Sendable, Equatable {
        /// Ranks that encode pictures.
        package var visionRanks: Int
        /// Rows of pictures and prompts that a micro-batch is filled up to; one job is taken whatever its rows.
        package var batchRows: Int
        /// Rows of a job with one picture and a short prompt, to know how many to lease ahead.
        package var typicalRows: Int
        /// Bytes of keys and values of one position, on the Gemma rank that keeps most of them.
        package var cacheBytesPerPosition: Int
        /// Bytes of keys and values that may be reserved on a rank; one sequence is admitted whatever it needs.
        package var cacheBytes: Int
        /// Rows of sequences that decode together at most.
        package var sequences: Int
        /// Steps of one decoding order; a prefill waits for them at most.
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

        /// Jobs that are leased and prepared ahead of the vision stage: two micro-batches for each vision rank.
        package var jobsAhead: Int {
            max(2, 2 * visionRanks * max(1, batchRows / max(1, typicalRows)))
        }
    }

    package enum Event: Equatable {
        /// The queue gave jobs, possibly none.
        case leased([JobID])
        /// A job is ready for the vision stage: the rows of its prefix, the positions of prefix and answers at most,
        /// and the rows that it has in a decoding step at most. One that is `alone` shares its micro-batch with none.
        case prepared(JobID, rows: Int, positions: Int, lanes: Int = 1, alone: Bool = false)
        /// A job cannot be prepared; its failure has been told to the queue.
        case unprepared(JobID)
        /// The first features of a batch are on their way, or all are.
        case encoding(BatchID)
        case encoded(BatchID)
        /// The answer to the running order: the sequences that ended with it.
        case answered(ended: [JobID])
        /// Finish what is in flight, take nothing new.
        case drain
        /// A moment has passed since the queue had nothing.
        case retryQueue
    }

    package enum Action: Equatable {
        /// Ask the queue for up to this many jobs.
        case lease(Int)
        /// Read, resize, tokenise.
        case prepare(JobID)
        /// Send the pictures of these jobs to a vision rank as one micro-batch.
        case encode(BatchID, [JobID], visionRank: Int)
        /// Let the Gemma ranks prefill a batch.
        case prefill(BatchID, [JobID])
        /// Let the Gemma ranks decode.
        case decode([JobID], steps: Int)
        /// Give the job back to the queue untouched.
        case release(JobID)
    }

    private struct Prepared {
        let job: JobID
        let rows: Int
        let positions: Int
        let lanes: Int
        let alone: Bool
    }

    private struct Living {
        let positions: Int
        let lanes: Int
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
    private var preparing: Set<JobID> = []
    private var waiting: [Prepared] = []
    /// Batches from the vision stage to the end of their prefill, oldest first.
    private var batches: [Batch] = []
    private var alive: [JobID: Living] = [:]
    private var order: [JobID] = []
    private var running: Running?
    private var nextBatch: BatchID = 1

    package init(limits: Limits) {
        self.limits = limits
    }

    /// Nothing is in flight, and the queue had nothing or shall not be asked.
    package var isIdle: Bool {
        !leasing && preparing.isEmpty && waiting.isEmpty && batches.isEmpty && alive.isEmpty && running == nil
            && (queueIsEmpty || draining)
    }

    /// Jobs that this world holds leases of.
    package var jobsInFlight: Int {
        preparing.count + waiting.count + alive.count
            + batches.reduce(0) { $0 + ($1.prefilled ? 0 : $1.jobs.count) }
    }

    /// Takes an event and says what to do next.
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
        case .prepared(let job, let rows, let positions, let lanes, let alone):
            preparing.remove(job)
            if draining {
                actions.append(.release(job))
            } else {
                waiting.append(Prepared(job: job, rows: rows, positions: positions, lanes: lanes, alone: alone))
            }
        case .unprepared(let job):
            preparing.remove(job)
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
                alive[entry.job] = Living(positions: entry.positions, lanes: entry.lanes)
                order.append(entry.job)
            }
        }
        running = nil
        for job in ended { alive[job] = nil }
        order.removeAll { alive[$0] == nil }
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
        guard !leasing, !queueIsEmpty, !draining, ahead <= limits.jobsAhead / 2 else { return [] }
        leasing = true
        return [.lease(limits.jobsAhead - ahead)]
    }

    /// A vision rank gets a batch that is full, or that nothing more is to come for soon: where it has none, that no
    /// other picture is being read; where it has one and so needs the next only for never having to wait for us, that
    /// the queue has no more either. Gemma's weights are read for a batch, whatever it holds.
    private mutating func encodeMore() -> [Action] {
        var actions: [Action] = []
        while !waiting.isEmpty {
            guard batches.filter({ !$0.prefilled }).count < 2 * limits.visionRanks + 1 else { break }
            let load = (0..<limits.visionRanks).map { rank in
                batches.filter { $0.visionRank == rank && !$0.encoded }.count
            }
            guard let rank = load.indices.min(by: { load[$0] < load[$1] }), load[rank] < 2 else { break }
            let moreToCome = !preparing.isEmpty || load[rank] > 0 && leasing
            let hasRoom = waiting[0].alone ? false : waitingRows + limits.typicalRows <= limits.batchRows
            if moreToCome, hasRoom { break }
            let batch = Batch(id: nextBatch, jobs: takeBatch(), visionRank: rank)
            nextBatch += 1
            batches.append(batch)
            actions.append(.encode(batch.id, batch.jobs.map(\.job), visionRank: rank))
        }
        return actions
    }

    private var waitingRows: Int { waiting.reduce(0) { $0 + $1.rows } }

    /// The oldest prepared jobs, as many as the micro-batch's rows and the Gemma ranks' memory allow.
    private mutating func takeBatch() -> [Prepared] {
        var (taken, rows, positions, lanes): ([Prepared], Int, Int, Int) = ([], 0, 0, 0)
        while let next = waiting.first {
            let fits =
                rows + next.rows <= limits.batchRows
                && (positions + next.positions) * limits.cacheBytesPerPosition <= limits.cacheBytes
                && lanes + next.lanes <= limits.sequences && !next.alone && taken.first?.alone != true
            guard taken.isEmpty || fits else { break }
            taken.append(waiting.removeFirst())
            rows += next.rows
            positions += next.positions
            lanes += next.lanes
        }
        return taken
    }

    /// The Gemma ranks do one order at a time. A batch whose features flow goes first, as long as its keys and values
    /// have room beside those that live; all living sequences decode together otherwise.
    private mutating func orderMore() -> [Action] {
        guard running == nil else { return [] }
        if let batch = batches.first(where: { $0.started && !$0.prefilled }), isAdmissible(batch) {
            running = .prefill(batch.id)
            return [.prefill(batch.id, batch.jobs.map(\.job))]
        }
        guard !order.isEmpty else { return [] }
        running = .decode
        return [.decode(order, steps: limits.decodeSteps)]
    }

    private func isAdmissible(_ batch: Batch) -> Bool {
        guard !alive.isEmpty else { return true }
        let positions = alive.values.reduce(0) { $0 + $1.positions } + batch.jobs.reduce(0) { $0 + $1.positions }
        let lanes = alive.values.reduce(0) { $0 + $1.lanes } + batch.jobs.reduce(0) { $0 + $1.lanes }
        return positions * limits.cacheBytesPerPosition <= limits.cacheBytes && lanes <= limits.sequences
    }
}
