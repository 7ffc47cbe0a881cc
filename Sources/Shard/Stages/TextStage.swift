import Base
import Foundation
import PaliGemma
import Tensor
import Wire

/// The Gemma stage of a rank: it takes orders, and the group's first rank sends Tokens frames. All ranks of the group
/// get the same orders in the same order and end each with the same sequences in the same state.
package final class TextStage: @unchecked Sendable {
    // @unchecked: the sequences and Gemma are only used on the stage's thread.
    private let gemma: Gemma
    private let group: any TensorParallelGroup
    private let features: FeatureStore
    private let thread: StageThread
    private let sender: any FrameSender
    private let tokensPerPicture: Int
    private let timeline: Timeline?
    private var sequences: [UInt64: PaliGemma.Sequence] = [:]
    package private(set) var counters = Counters()

    /// Written on the stage's thread.
    package struct Counters: Sendable {
        package var prefillRows = 0
        package var prefillSeconds = 0.0
        /// The part of it in which the rank waited for features or peers.
        package var prefillWaitingSeconds = 0.0
        package var decodedTokens = 0
        package var decodeSteps = 0
        package var decodeSeconds = 0.0
        package var decodeWaitingSeconds = 0.0
    }

    package var meter: OperationMeter { gemma.meter }

    package init(
        gemma: Gemma, group: any TensorParallelGroup, features: FeatureStore, tokensPerPicture: Int,
        thread: StageThread, sender: any FrameSender, timeline: Timeline?
    ) {
        self.gemma = gemma
        self.group = group
        self.features = features
        self.tokensPerPicture = tokensPerPicture
        self.thread = thread
        self.sender = sender
        self.timeline = timeline
    }

    package func receive(_ order: Order) {
        thread.enqueue { [self] in
            let (start, waited) = (Timeline.now(), waitingSeconds)
            switch order.kind {
            case .prefill:
                try timeline.span("prefill", thread: "stage", detail: "\(order.sequences.count) sequences") {
                    FaultSwitch.before(.prefill)
                    try prefill(order)
                    FaultSwitch.after(.prefill)
                }
                counters.prefillSeconds += Double(Timeline.now() - start) / 1e9
                counters.prefillWaitingSeconds += waitingSeconds - waited
            case .decode:
                try timeline.span("decode", thread: "stage", detail: "\(order.sequenceIDs.count) sequences") {
                    FaultSwitch.before(.decode)
                    try decode(order)
                    FaultSwitch.after(.decode)
                }
                counters.decodeSeconds += Double(Timeline.now() - start) / 1e9
                counters.decodeWaitingSeconds += waitingSeconds - waited
            case .cancel:
                for id in order.sequenceIDs { sequences[id] = nil }
            case .stop: break
            }
        }
    }

    private var waitingSeconds: Double { group.waitingSeconds + features.waitingSeconds }

    private func prefill(_ order: Order) throws {
        let new = order.sequences.map { sequence in
            PaliGemma.Sequence(
                id: sequence.id, textTokens: sequence.textTokens, pictures: sequence.pictureIDs.count,
                tokensPerPicture: tokensPerPicture, maxTokens: Int(sequence.maxTokens),
                decoding: sequence.decoding, adapter: sequence.adapter)
        }
        let pictures = Dictionary(uniqueKeysWithValues: order.sequences.map { ($0.id, $0.pictureIDs) })
        try gemma.prefill(new, features: StoredFeatures(store: features, pictures: pictures))
        features.remove(order.sequences.flatMap(\.pictureIDs))
        for sequence in new { sequences[sequence.id] = sequence }
        counters.prefillRows += new.reduce(0) { $0 + $1.prefixRows }
        try answer(order, new, tokensBefore: Array(repeating: 0, count: new.count))
    }

    private func decode(_ order: Order) throws {
        let alive = order.sequenceIDs.compactMap { sequences[$0] }
        let before = alive.map(\.tokens.count)
        try gemma.decode(alive, steps: Int(order.steps))
        let new = zip(alive, before).map { $0.tokens.count - $1 }
        counters.decodedTokens += new.reduce(0, +)
        counters.decodeSteps += new.max() ?? 0
        try answer(order, alive, tokensBefore: before)
    }

    /// Sends the new tokens to the Coordinator, from the group's first rank; drops the sequences that are finished.
    private func answer(_ order: Order, _ touched: [PaliGemma.Sequence], tokensBefore: [Int]) throws {
        if group.rank == 0 {
            let results = zip(touched, tokensBefore).map { sequence, before in
                Tokens.Result(sequence, tokensBefore: before)
            }
            sender.send(
                try Frame.encode(
                    Tokens(batchID: order.batchID, orderSequenceNumber: order.sequenceNumber, results: results)), to: 0)
        }
        for sequence in touched where sequence.finish != nil { sequences[sequence.id] = nil }
    }

    /// The features of an order's sequences, from the rank's store.
    private struct StoredFeatures: FeatureSource {
        let store: FeatureStore
        let pictures: [UInt64: [UInt64]]

        func features(of sequence: PaliGemma.Sequence, picture: Int, rows: Range<Int>) -> MatrixView? {
            guard let ids = pictures[sequence.id], ids.indices.contains(picture) else { return nil }
            return store.rows(rows, of: ids[picture])
        }
    }
}
