import Foundation
import PaliGemma
import Pictures
import Tensor

/// Computes the logits of a model in this process.
final class LogitProbe {
    private let configuration: ModelConfiguration
    private let tokenizer: Tokenizer
    private let tower: VisionTower
    private let gemma: Gemma
    private let recorder = Recorder()

    init(directory: String, precision: Precision, onlyWeights: String?, slidingWindow: Bool, threads: Int) throws {
        configuration = try ModelConfiguration(directory: directory, slidingWindow: slidingWindow)
        tokenizer = try Tokenizer(directory: directory, configuration: configuration)
        let checkpoint = try Checkpoint(directory: directory)
        let weights = try ModelWeights.load(
            checkpoint, configuration, precision: precision, fingerprint: try checkpoint.fingerprint(threads: threads),
            threads: threads, only: onlyWeights)
        let team = ThreadTeam(count: threads)
        tower = VisionTower(weights: weights, configuration: configuration, team: team)
        gemma = Gemma(
            weights: weights, configuration: configuration, slice: TextSlice(whole: configuration.text),
            group: SingleRank(), team: team
        ) { [recorder] activation, view in
            if activation == .logits { recorder.logits += view.values(row: 0) }
        }
        try tower.prepareWeights()
        try gemma.prepareWeights()
    }

    /// Returns the logits of an answer's first tokens, a row of the vocabulary's size for each.
    ///
    /// - Parameter forced: the first tokens of the answer, in place of those that the model chooses.
    /// - Throws: where the picture cannot be read, or the prompt does not fit the model.
    func logits(picture: String, prompt: String, tokens: Int, forced: [Int32]) throws -> [Float] {
        let vision = configuration.vision
        let seen = try PictureReader(side: vision.imageSize, filter: vision.preprocessing.filter).read(path: picture)
        let ids = try Prompt.tokens(
            for: prompt, pictures: 1, maximumNewTokens: tokens, tokenizer: tokenizer, configuration: configuration)
        let sequence = PaliGemma.Sequence(
            id: 1, textTokens: Array(ids.dropFirst(configuration.vision.tokens)), pictures: 1,
            tokensPerPicture: configuration.vision.tokens, maxTokens: tokens)
        let features = KnownFeatures(configuration.vision)
        tower.encode([seen.image.pixels]) { rows, view in features.all.view.rows(rows).copy(from: view) }

        recorder.logits = []
        try gemma.prefill([sequence], features: features)
        for step in 1..<max(1, tokens) {
            if step <= forced.count { sequence.replaceLast(with: forced[step - 1], step: step - 1) }
            try gemma.decode([sequence], steps: 1)
        }
        return recorder.logits
    }

    /// The logits of every step so far.
    private final class Recorder {
        var logits: [Float] = []
    }

    /// The features of the one picture, all of which are computed before the prefill.
    private final class KnownFeatures: FeatureSource {
        let all: Matrix

        init(_ configuration: VisionConfiguration) {
            all = Matrix(rows: configuration.tokens, columns: configuration.width)
        }

        func features(of sequence: PaliGemma.Sequence, picture: Int, rows: Range<Int>) -> MatrixView? {
            all.view.rows(rows)
        }
    }
}
