import PaliGemma
import ShardPlan
import Wire

/// Sends micro-batches of pictures to the vision ranks and numbered orders to the Gemma ranks.
struct RankMessenger {
    private let plan: ShardPlan
    private let vision: VisionConfiguration
    private let adapters: AdapterSet
    private let sender: any FrameSender
    private var nextOrder: UInt64 = 1

    init(plan: ShardPlan, vision: VisionConfiguration, adapters: AdapterSet, sender: any FrameSender) {
        self.plan = plan
        self.vision = vision
        self.adapters = adapters
        self.sender = sender
    }

    // MARK: Pictures

    /// Sends the pixels of a micro-batch to a vision rank, and which rows of its pictures each Gemma rank owns.
    ///
    /// - Throws: `WireError` for pictures that no frame holds.
    func encode(_ batch: Schedule.BatchID, _ jobs: [InFlightJob], visionRank: Int) throws(WireError) {
        let pictures = jobs.flatMap { job -> [PixelBatch.Picture] in
            let adapter = job.prepared?.adapter.flatMap { adapters.all[$0].changesVision ? $0 : nil }
            return zip(job.pictureIDs, job.prepared?.pictures ?? []).map {
                PixelBatch.Picture(id: $0, rgb: $1, adapter: adapter)
            }
        }
        let frame = PixelBatch(
            batchID: batch, side: UInt32(vision.imageSize), pictures: pictures, routes: routes(jobs),
            isBatchInvariant: jobs.contains { $0.prepared?.decoding.needsBatchInvariance ?? false })
        sender.send(try Frame.encode(frame), to: visionRank)
    }

    /// Every Gemma rank gets the rows that it owns in the prefill, and no others. The rows of a prefill are its jobs'
    /// prefixes, one after the other; a prefix begins with its pictures.
    private func routes(_ jobs: [InFlightJob]) -> [PixelBatch.Route] {
        let prefixRows = jobs.map { $0.prefixRows(tokensPerPicture: vision.tokens) }
        let ownership = plan.rowOwnership(ofPrefill: prefixRows.reduce(0, +))
        var routes: [PixelBatch.Route] = []
        var start = 0
        for (job, rows) in zip(jobs, prefixRows) {
            for (index, picture) in job.pictureIDs.enumerated() {
                let first = start + index * vision.tokens
                for (rank, own) in ownership.parts(of: first..<first + vision.tokens) {
                    routes.append(
                        PixelBatch.Route(
                            pictureID: picture, firstRow: UInt32(own.lowerBound - first), rowCount: UInt32(own.count),
                            destinationRank: UInt32(plan.firstTextRank + rank)))
                }
            }
            start += rows
        }
        return routes
    }

    // MARK: Orders

    /// Orders a prefill.
    ///
    /// - Throws: `WireError` for an order that no frame holds.
    mutating func prefill(
        _ batch: Schedule.BatchID, _ jobs: [(id: Schedule.JobID, job: InFlightJob)]
    ) throws(WireError) {
        let sequences = jobs.compactMap { id, job -> Order.NewSequence? in
            guard let prepared = job.prepared else { return nil }
            return Order.NewSequence(
                id: id, pictureIDs: job.pictureIDs, textTokens: prepared.textTokens,
                maxTokens: UInt32(job.lease.job.maxTokens), decoding: prepared.decoding,
                adapter: prepared.adapter)
        }
        try order(.prefill, batch: batch, sequences: sequences)
    }

    /// Orders decode steps.
    ///
    /// - Throws: `WireError` for an order that no frame holds.
    mutating func decode(_ jobs: [Schedule.JobID], steps: Int) throws(WireError) {
        try order(.decode, steps: UInt32(steps), sequenceIDs: jobs)
    }

    /// Orders a sequence to be dropped.
    ///
    /// - Throws: `WireError` for an order that no frame holds.
    mutating func cancel(_ job: Schedule.JobID) throws(WireError) {
        try order(.cancel, sequenceIDs: [job])
    }

    /// Numbers an order and sends it to every Gemma rank.
    private mutating func order(
        _ kind: Order.Kind, batch: Schedule.BatchID = 0, sequences: [Order.NewSequence] = [], steps: UInt32 = 0,
        sequenceIDs: [UInt64] = []
    ) throws(WireError) {
        let order = Order(
            sequenceNumber: nextOrder, kind: kind, batchID: batch, sequences: sequences, steps: steps,
            sequenceIDs: sequenceIDs)
        nextOrder += 1
        let frame = try Frame.encode(order)
        for rank in plan.firstTextRank..<plan.ranks { sender.send(frame, to: rank) }
    }

    /// Sends every rank the last order.
    ///
    /// - Throws: `WireError` for an order that no frame holds.
    func stop() throws(WireError) {
        let frame = try Frame.encode(Order(sequenceNumber: nextOrder, kind: .stop))
        for rank in 0..<plan.ranks { sender.send(frame, to: rank) }
    }
}
