import DecodingSettings
import Foundation
import PaliGemma
import ShardPlan
import Tensor
import TestSupport
import Testing

/// Every decoding method beside every other in one batch, over any number of ranks.
@Suite("Sequences with different decoding methods share a batch", .timeLimit(.minutes(15)))
struct MixedDecodingTests {
    struct Outcome: Sendable, Equatable {
        let tokens: [Int32]
        let logProbabilities: [Float]
        let topTokens: [[TokenProbability]]
        let answers: [ScoredAnswer]
        let finish: PaliGemma.Sequence.Finish?

        init(_ sequence: PaliGemma.Sequence) {
            tokens = sequence.tokens
            logProbabilities = sequence.logProbabilities
            topTokens = sequence.topTokens
            answers = sequence.answers
            finish = sequence.finish
        }

        func isNear(_ other: Outcome) -> Bool {
            func near(_ a: [Float], _ b: [Float]) -> Bool {
                a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-3 }
            }
            return tokens == other.tokens && finish == other.finish && near(logProbabilities, other.logProbabilities)
                && topTokens.map { $0.map(\.token) } == other.topTokens.map { $0.map(\.token) }
                && answers.map(\.tokens) == other.answers.map(\.tokens)
                && near(answers.map(\.score), other.answers.map(\.score))
        }
    }

    static let ways: [Decoding] = [
        .greedy, Decoding(method: .sampling(Sampling(temperature: 1.2, topK: 12, seed: 5))),
        Decoding(method: .beams(BeamSettings(count: 4, lengthPenalty: 0.7, returned: 3))),
        Decoding(topLogProbabilities: 4), Decoding(method: .sampling(Sampling(seed: 6)), topLogProbabilities: 2),
        Decoding(method: .choices([[5, 6], [5, 6, 7], [900], [30, 31, 32, 33]])),
        Decoding(method: .sampling(Sampling(temperature: 0.9, topP: 0.7, seed: 7))),
        // The candidates hold little of the probability mass, so all logits are gathered.
        Decoding(method: .sampling(Sampling(temperature: 4, topP: 0.97, seed: 8))),
        Decoding(method: .beams(BeamSettings(count: 2, earlyStopping: .never))),
        Decoding(repetition: Repetition(longest: 4, times: 2)),
        Decoding(
            topLogProbabilities: 3,
            rules: rules {
                $0.noRepeatNgram = 1
                $0.minimumNewTokens = 5
            }),
        Decoding(
            method: .sampling(Sampling(temperature: 0.8, topK: 20, minP: 0.01, seed: 9)),
            rules: rules {
                $0.repetitionPenalty = 1.7
                $0.suppressed = [5, 6]
            }),
        Decoding(
            method: .sampling(Sampling(temperature: 1.5, seed: 10)), rules: rules { $0.suppressedFirst = [0, 1, 2] }),
        Decoding(
            method: .beams(BeamSettings(count: 3, returned: 2)),
            rules: rules {
                $0.repetitionPenalty = 1.3
                $0.noRepeatNgram = 2
                $0.renormalizes = true
            }),
        // On every rank but one all tokens are forbidden at the end.
        Decoding(method: .beams(BeamSettings(count: 2)), rules: rules { $0.forcedEnd = [1] }),
        Decoding(method: .sampling(Sampling(topP: 0.9, seed: 11)), rules: rules { $0.forcedEnd = [1] }),
    ]

    private static func rules(_ set: (inout LogitRules) -> Void) -> LogitRules {
        var rules = LogitRules()
        set(&rules)
        return rules
    }

    private func decode(
        _ name: String, ranks: Int, batches: [[Int]], kernels: Kernels = .current
    ) throws -> [[Int: Outcome]] {
        try InProcessGroup.run(ranks: ranks) { group in
            let goldens = try Goldens(name)
            let plan = try ShardPlan(ranks: ranks + 1, configuration: goldens.configuration, visionRanks: 1)
            let gemma = Gemma(
                weights: goldens.weights, configuration: goldens.configuration, slice: plan.slices[group.rank],
                group: group, team: ThreadTeam(count: 2), kernels: kernels)
            let prompt = try goldens.prompt()
            let count = prompt.pictures * goldens.configuration.vision.tokens
            let features = Matrix(rows: count, columns: goldens.configuration.vision.width)
            for (index, value) in try goldens.floats("features").enumerated() {
                features.view.row(index / features.view.columns)[index % features.view.columns] = value
            }
            let source = ReadyFeatures(all: features.view, tokensPerPicture: goldens.configuration.vision.tokens)
            var results: [Int: Outcome] = [:]
            for batch in batches {
                let sequences = batch.map { way in
                    PaliGemma.Sequence(
                        id: UInt64(way), textTokens: prompt.textTokens, pictures: prompt.pictures,
                        tokensPerPicture: goldens.configuration.vision.tokens, maxTokens: 7, decoding: Self.ways[way])
                }
                // Sampled sequences are prefilled alone, as the schedule does it.
                for sequence in sequences { try gemma.prefill([sequence], features: source) }
                for _ in 0..<10 { try gemma.decode(sequences, steps: 3) }
                for (way, sequence) in zip(batch, sequences) { results[way] = Outcome(sequence) }
            }
            return results
        }
    }

    @Test(
        "A sequence gets the same answer in a batch as alone, and a sampled one the same bits",
        arguments: Goldens.cases,
        [1, 2, 3, 4])
    func batchInvariance(name: String, ranks: Int) throws {
        let alone = try decode(name, ranks: ranks, batches: Self.ways.indices.map { [$0] })
        let together = try decode(name, ranks: ranks, batches: [Array(Self.ways.indices)])
        for (rank, (alone, together)) in zip(alone, together).enumerated() {
            for way in Self.ways.indices {
                let (one, other) = (try #require(alone[way]), try #require(together[way]))
                #expect(one.finish != nil && one.isNear(other), "way \(way) of rank \(rank)")
                if Self.ways[way].needsBatchInvariance { #expect(one == other, "way \(way) of rank \(rank)") }
            }
        }
        #expect(alone.allSatisfy { $0 == alone[0] } && together.allSatisfy { $0 == together[0] })
    }

    @Test("Any number of ranks gives the same answers", arguments: Goldens.cases)
    func ranks(name: String) throws {
        let one = try decode(name, ranks: 1, batches: [Array(Self.ways.indices)])[0]
        for ranks in [2, 3, 5, 8] {
            let other = try decode(name, ranks: ranks, batches: [Array(Self.ways.indices)])[0]
            for way in Self.ways.indices {
                #expect(try #require(one[way]).isNear(#require(other[way])), "way \(way), \(ranks) ranks")
            }
        }
    }

    /// The batches have more rows than any kernel takes at once, and the sampled sequences are at other rows in each.
    @Test(
        "With every set of kernels of this processor, sampled sequences are the same to the bit in any batch",
        arguments: Kernels.setNames)
    func kernels(name: String) throws {
        let kernels = try #require(Kernels.set(named: name))
        let sampled = Self.ways.indices.filter { Self.ways[$0].needsBatchInvariance }
        let alone = try decode("grouped", ranks: 1, batches: sampled.map { [$0] }, kernels: kernels)[0]
        for others in [[0], [2], [2, 0, 5], [2, 2, 2, 2, 2, 0, 0, 3]] {
            let together = try decode("grouped", ranks: 1, batches: [others + sampled.reversed()], kernels: kernels)[0]
            for way in sampled { #expect(alone[way] == together[way], "way \(way) beside \(others)") }
        }
    }
}
