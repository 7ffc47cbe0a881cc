import Foundation
import Measure
import PaliGemma
import ShardPlan
import Tensor
import TestSupport
import Testing

/// What the goldens are too small for: the public models' numbers of heads, prefixes of several tiles, and matrices that
/// are worth quantizing. Random numbers that neither grow nor vanish, so that a rounding stays one.
@Suite("Gemma 2 with the public numbers of heads")
struct Gemma2Tests {
    /// Query heads; half as many hold keys and values.
    static let heads = [8, 16, 32]

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func model(heads: Int) -> RandomModel {
        let text = TextConfiguration(
            width: 160, mlpWidth: 512, layers: 3, heads: heads, keyValueHeads: heads / 2, headWidth: 512 / heads,
            vocabulary: 1024, family: .gemma2, queryScalar: 20, attentionSoftCap: 2, finalSoftCap: 3,
            window: .alternating(positions: 290, layers: 3))
        return RandomModel(
            ModelConfiguration(
                vision: VisionConfiguration(width: 64, mlpWidth: 128, layers: 1, heads: 4, patch: 14, imageSize: 28),
                text: text, imageToken: 1023),
            family: "gemma2-test-\(heads)")
    }

    private struct Answer: Sendable {
        let tokens: [[Int32]]
        let logProbabilities: [[Float]]
        /// Of the first token of the first sequence.
        let logits: [Float]
    }

    /// Two prefixes, one of several tiles and longer than the window, one that reaches it while it is answered.
    private func answers(
        heads: Int, ranks: Int, split: PrefillCut.Split = .rows, precision: Precision = .exact,
        kernels: Kernels = .current, adapted: Bool = false
    ) throws -> [Answer] {
        let model = Self.model(heads: heads)
        let directory = folder.file("\(heads)")
        try model.write(to: directory) { _, _ in }
        let (configuration, checkpoint) = (model.configuration, try Checkpoint(directory: directory))
        let weights = try ModelWeights.load(
            checkpoint, configuration, precision: precision, fingerprint: try checkpoint.fingerprint(threads: 2),
            threads: 2,
            adapters: AdapterSet(adapted ? [try adapter(for: model.configuration.text)] : []))
        return try InProcessGroup.run(ranks: ranks) { group in
            let plan = try ShardPlan(ranks: ranks + 1, configuration: configuration, visionRanks: 1)
            var logits: [Float] = []
            let gemma = Gemma(
                weights: weights, configuration: configuration, slice: plan.slices[group.rank], group: group,
                team: ThreadTeam(count: 1), kernels: kernels,
                cut: PrefillCut(split: split, blockRows: 64, minimumRows: 1)
            ) { activation, view in
                if activation == .logits, logits.isEmpty { logits = view.values(row: 0) }
            }
            try gemma.prepareWeights()
            let sequences = [600, 285].enumerated().map { index, count in
                Sequence(
                    id: UInt64(index), textTokens: (0..<count).map { Int32(($0 * 37 + index) % 1000) + 3 }, pictures: 0,
                    tokensPerPicture: 4, maxTokens: 10, adapter: adapted && index == 0 ? 0 : nil)
            }
            let none = Matrix(rows: 1, columns: configuration.vision.width)
            try gemma.prefill(sequences, features: ReadyFeatures(all: none.view, tokensPerPicture: 4))
            try gemma.decode(sequences, steps: 10)
            return Answer(
                tokens: sequences.map(\.tokens), logProbabilities: sequences.map(\.logProbabilities), logits: logits)
        }
    }

    /// One of all modules of the language model.
    private func adapter(for text: TextConfiguration) throws -> Adapter {
        let (width, rank) = (text.width, 4)
        let shapes = [
            ("self_attn.q_proj", text.queryWidth, width), ("self_attn.k_proj", text.keyValueWidth, width),
            ("self_attn.v_proj", text.keyValueWidth, width), ("self_attn.o_proj", width, text.queryWidth),
            ("mlp.gate_proj", text.mlpWidth, width), ("mlp.up_proj", text.mlpWidth, width),
            ("mlp.down_proj", width, text.mlpWidth),
        ]
        let tensors = (0..<text.layers).flatMap { layer in
            shapes.flatMap { module, outputs, inputs -> [RandomTensor] in
                let name = "base_model.model.model.language_model.layers.\(layer).\(module)"
                return [
                    .uniform(name + ".lora_A.weight", [rank, inputs], inputs: inputs),
                    .uniform(name + ".lora_B.weight", [outputs, rank], inputs: rank),
                ]
            }
        }
        let directory = try TemporaryFolder()
        try RandomShard(fileName: "adapter_model.safetensors", tensors: tensors).write(
            to: directory.file("adapter_model.safetensors"), seed: 5)
        _ = try directory.write(#"{"peft_type": "LORA", "r": 4, "lora_alpha": 2}"#, to: "adapter_config.json")
        return try Adapter(name: "a", directory: directory.path)
    }

    private func distance(_ one: Answer, _ other: Answer) -> Float {
        zip(one.logProbabilities.joined(), other.logProbabilities.joined()).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test("Any number of ranks answers as one does, by rows and by columns", arguments: heads)
    func ranks(heads: Int) throws {
        let one = try answers(heads: heads, ranks: 1)[0]
        #expect(one.tokens.allSatisfy { $0.count == 10 })
        for ranks in 2...8 {
            for split in PrefillCut.Split.allCases {
                for other in try answers(heads: heads, ranks: ranks, split: split) {
                    #expect(other.tokens == one.tokens, "\(ranks) ranks by \(split)")
                    #expect(distance(other, one) < 1e-4, "\(ranks) ranks by \(split)")
                }
            }
        }
    }

    @Test(
        "Every set of kernels gives the same tokens and log-probabilities",
        arguments: Kernels.setNames.dropFirst())
    func kernels(name: String) throws {
        let scalar = try answers(heads: 8, ranks: 1, kernels: .scalar)[0]
        let vector = try answers(heads: 8, ranks: 1, kernels: #require(Kernels.set(named: name)))[0]
        #expect(vector.tokens == scalar.tokens)
        #expect(distance(vector, scalar) < 1e-4)
        #expect(zip(vector.logits, scalar.logits).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    /// Of the same first token, in parts of their spread.
    private func error(_ one: Answer, _ exact: Answer) -> Float { error(one.logits, exact.logits) }

    private func error(_ one: [Float], _ exact: [Float]) -> Float {
        let spread = exact.reduce(0) { $0 + $1 * $1 }
        return (zip(one, exact).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / spread).squareRoot()
    }

    @Test(
        "Weights of eight bits: near the exact mode's logits, with an adapter and without, and the same on all ranks",
        arguments: [1, 3, 5], [false, true])
    func quantized(ranks: Int, adapted: Bool) throws {
        let exact = try answers(heads: 16, ranks: 1, adapted: adapted)[0]
        let alone = try answers(heads: 16, ranks: 1, precision: .int8, adapted: adapted)[0]
        #expect(error(alone, exact) > 0 && error(alone, exact) < 0.06)
        if adapted {
            let without = try answers(heads: 16, ranks: 1)[0]
            #expect(error(without, exact) > 0.3)
            #expect(without.tokens[1] == exact.tokens[1], "its neighbor has no adapter")
        }
        for split in PrefillCut.Split.allCases {
            let all = try answers(heads: 16, ranks: ranks, split: split, precision: .int8, adapted: adapted)
            for other in all {
                #expect(other.tokens == all[0].tokens && other.logProbabilities == all[0].logProbabilities)
            }
            let first = all.flatMap(\.logits)
            #expect(first.count == alone.logits.count && error(first, alone.logits) < 0.06)
        }
    }
}
