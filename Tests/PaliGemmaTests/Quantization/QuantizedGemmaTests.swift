import Foundation
import PaliGemma
import Pictures
import ShardPlan
import Tensor
import TestSupport
import Testing

@Suite("The whole model with int8 weights", .timeLimit(.minutes(15)))
struct QuantizedGemmaTests {
    /// The miniature is a trained model, so that a rounding does not change its answer. The random checkpoints of the
    /// goldens amplify roundings many times.
    private let folder: TemporaryFolder
    private var model: String { folder.path }

    init() throws {
        folder = try TemporaryFolder()
        let source = Fixtures.path("../../Examples/miniature/model")
        for name in try FileManager.default.contentsOfDirectory(atPath: source) where !name.hasPrefix(".") {
            try FileManager.default.copyItem(atPath: source + "/" + name, toPath: folder.file(name))
        }
    }

    private struct Answer: Sendable {
        let tokens: [Int32]
        let logProbabilities: [Float]
        let logits: [Float]
    }

    /// One picture's answer by a group of ranks.
    private func answers(
        ranks: Int, precision: Precision, kernels: Kernels = .current, split: PrefillCut.Split = .columns
    ) throws -> [Answer] {
        let configuration = try ModelConfiguration(directory: model)
        let checkpoint = try Checkpoint(directory: model)
        let weights = try ModelWeights.load(
            checkpoint, configuration, precision: precision, fingerprint: try checkpoint.fingerprint(threads: 2),
            threads: 2)
        let picture = try PictureReader(side: configuration.vision.imageSize).read(
            path: Fixtures.path("../../Examples/pictures/two-shapes-and-number.webp"))
        let tower = VisionTower(
            weights: weights, configuration: configuration, team: ThreadTeam(count: 2), kernels: kernels)
        try tower.prepareWeights()
        let features = FeatureRows(rows: configuration.vision.tokens, width: configuration.vision.width)
        tower.encode([picture.image.pixels]) { rows, view in features.all.view.rows(rows).copy(from: view) }

        let tokenizer = try Tokenizer(directory: model, configuration: configuration)
        let prompt = try Prompt.tokens(
            for: "caption en", pictures: 1, maximumNewTokens: 24, tokenizer: tokenizer, configuration: configuration)
        let text = Array(prompt.dropFirst(configuration.vision.tokens))
        return try InProcessGroup.run(ranks: ranks) { group in
            let plan = try ShardPlan(ranks: ranks + 1, configuration: configuration, visionRanks: 1)
            var logits: [Float] = []
            let gemma = Gemma(
                weights: weights, configuration: configuration, slice: plan.slices[group.rank], group: group,
                team: ThreadTeam(count: 1), kernels: kernels,
                cut: PrefillCut(split: split, blockRows: 37, minimumRows: 1)
            ) { activation, view in
                if activation == .logits { logits += view.values(row: 0) }
            }
            try gemma.prepareWeights()
            let sequence = Sequence(
                id: 1, textTokens: text, pictures: 1, tokensPerPicture: configuration.vision.tokens, maxTokens: 24)
            try gemma.prefill(
                [sequence], features: ReadyFeatures(all: features.all.view, tokensPerPicture: features.all.view.rows))
            try gemma.decode([sequence], steps: 24)
            return Answer(tokens: sequence.tokens, logProbabilities: sequence.logProbabilities, logits: logits)
        }
    }

    @Test(
        "With every set of kernels of this processor the answer is that of the exact mode",
        arguments: Kernels.setNames)
    func exactAnswers(name: String) throws {
        let kernels = try #require(Kernels.set(named: name))
        let exact = try answers(ranks: 1, precision: .exact)[0]
        let quantized = try answers(ranks: 1, precision: .int8, kernels: kernels)[0]
        #expect(quantized.tokens == exact.tokens)
        #expect(distance(quantized.logits, exact.logits) < 0.04)
    }

    /// Ranks quantize the inputs of o_proj and down_proj by what they own of them, so that their steps differ a little.
    @Test(
        "Any number of ranks gives the answer of one, with logits within 2.5 % of their spread", arguments: 2...8,
        PrefillCut.Split.allCases)
    func ranks(count: Int, split: PrefillCut.Split) throws {
        let one = try answers(ranks: 1, precision: .int8)[0]
        let all = try answers(ranks: count, precision: .int8, split: split)
        for other in all {
            #expect(other.tokens == one.tokens)
            #expect(other.logProbabilities == all[0].logProbabilities)
        }
        // Each rank has the logits of its part of the vocabulary, step by step.
        let steps = one.tokens.count + 1
        let logits = (0..<steps).flatMap { step in
            all.flatMap { $0.logits[step * $0.logits.count / steps..<(step + 1) * $0.logits.count / steps] }
        }
        #expect(distance(logits, one.logits) < 0.025)
    }

    /// Root mean square of the differences, in standard deviations of the reference.
    private func distance(_ found: [Float], _ reference: [Float]) -> Float {
        guard found.count == reference.count else { return .infinity }
        let mean = reference.reduce(0, +) / Float(reference.count)
        let spread = reference.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (zip(found, reference).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / spread).squareRoot()
    }
}

private final class FeatureRows: Sendable {
    let all: Matrix
    init(rows: Int, width: Int) { all = Matrix(rows: rows, columns: width) }
}
