import ArgumentParser
import Foundation
import PaliGemma
import Pictures
import Tensor

struct InspectLogitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logits",
        abstract: "Write what the model thinks of every token, to compare precisions.",
        discussion: """
            In one process: the logits of an answer's first tokens, as float32 [tokens, vocabulary] without a header. \
            The tokens can be forced, so that two files speak of the same answer.

              paligemma inspect logits x.jpg --model DIR --prompt "caption en" --weights int8 --output int8.f32
            """)

    @Argument(help: "The picture.")
    var picture: String

    @Option(help: Variable.model.help("The model's directory.", valueName: "dir"))
    var model: String?

    @Option(help: Variable.prompt.help("What the model is asked.", valueName: "text"))
    var prompt: String?

    @Option(help: Variable.weights.help("As in run.", default: "bf16", valueName: "bf16|int8"))
    var weights: WeightPrecision?

    @Flag(help: Variable.slidingWindow.help("As in run."))
    var slidingWindow = false

    @Option(
        help: Variable.onlyWeights.help(
            "With int8: quantise only matrices with this in their names, as 'down_proj' or 'vision:q_proj|fc1'.",
            valueName: "names"))
    var onlyWeights: String?

    @Option(
        help: Variable.forcedTokens.help(
            "What is answered, instead of what the model chooses: ids with commas between.", valueName: "ids"))
    var forcedTokens: String?

    @Option(help: Variable.maxTokens.help("Tokens of the answer.", default: "1", valueName: "count"))
    var maxTokens: Int?

    @Option(help: Variable.threads.help("Compute threads.", default: "all cores", valueName: "count"))
    var threads: Int?

    @Option(help: Variable.output.help("Where the logits go.", valueName: "file"))
    var output: String?

    func run() throws {
        let directory = try Variable.model.required(model, option: "--model")
        let output = try Variable.output.required(output, option: "--output")
        let forced = try (Variable.forcedTokens.value(forcedTokens) ?? "").split(separator: ",").map { text in
            guard let id = Int32(text.trimmingCharacters(in: .whitespaces)) else {
                throw ValidationError("'--forced-tokens' holds \(text); ids with commas between are expected.")
            }
            return id
        }
        let count = try Variable.maxTokens.count(maxTokens, option: "--max-tokens").flatMap { Int($0) } ?? 1
        let threads = try Variable.threads.count(threads, option: "--threads").flatMap { Int($0) }
        let probe = try LogitProbe(
            directory: directory, precision: try Variable.weights.value(weights) ?? .bf16,
            onlyWeights: try Variable.onlyWeights.value(onlyWeights),
            slidingWindow: try Variable.slidingWindow.isOn(slidingWindow),
            threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        let logits = try probe.logits(
            picture: picture, prompt: try Variable.prompt.value(prompt) ?? "", tokens: count, forced: forced)
        do {
            try logits.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: output))
        } catch {
            throw CommandFailure(.environment, "cannot write \(output): \(error.localizedDescription)")
        }
    }
}

/// One model in this process, of which the logits are wanted.
private final class LogitProbe {
    private let configuration: ModelConfiguration
    private let tokenizer: Tokenizer
    private let tower: VisionTower
    private let gemma: Gemma
    private let recorder = Recorder()

    init(directory: String, precision: WeightPrecision, onlyWeights: String?, slidingWindow: Bool, threads: Int) throws
    {
        configuration = try ModelConfiguration(directory: directory, slidingWindow: slidingWindow)
        tokenizer = try Tokenizer(directory: directory, configuration: configuration)
        let checkpoint = try Checkpoint(directory: directory)
        let weights = try ModelWeights.load(
            checkpoint, configuration, precision: precision, fingerprint: checkpoint.fingerprint(), threads: threads,
            only: onlyWeights)
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

    func logits(picture: String, prompt: String, tokens: Int, forced: [Int32]) throws -> [Float] {
        let seen = try PictureReader(side: configuration.vision.imageSize).read(path: picture)
        let ids = try Prompt.tokens(
            for: prompt, pictures: 1, maximumNewTokens: tokens, tokenizer: tokenizer, configuration: configuration)
        let sequence = PaliGemma.Sequence(
            id: 1, textTokens: Array(ids.dropFirst(configuration.vision.tokens)), pictures: 1,
            tokensPerPicture: configuration.vision.tokens, maxTokens: tokens)
        let features = Features(configuration.vision)
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

    /// The features of the one picture, which are there.
    private final class Features: FeatureSource {
        let all: Matrix

        init(_ configuration: VisionConfiguration) {
            all = Matrix(rows: configuration.tokens, columns: configuration.width)
        }

        func features(of sequence: PaliGemma.Sequence, picture: Int, rows: Range<Int>) -> MatrixView? {
            all.view.rows(rows)
        }
    }
}
