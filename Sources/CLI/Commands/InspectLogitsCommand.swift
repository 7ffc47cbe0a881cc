import ArgumentParser
import Base
import Foundation
import Hub
import PaliGemma
import Pictures
import Tensor
import WorkerInterface

struct InspectLogitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logits",
        abstract: "Write the logits of every token, to compare precisions.",
        discussion: """
            In one process: the logits of an answer's first tokens, as float32 [tokens, vocabulary] without a header. \
            The tokens can be forced, so that two files are about the same answer.

              paligemma inspect logits x.jpg --model DIR --prompt "caption en" --precision int8 --output int8.f32
            """)

    @Argument(help: "The picture.")
    var picture: String

    enum Options: OptionSelection {
        typealias Table = WorkerOptions
        static let options: [any AnyOptionDefinition] = [
            Table.table.model, Table.table.precision, Table.table.slidingWindow, Table.table.threads,
        ]
    }

    @OptionGroup var options: OptionFlags<Options>

    @Option(help: Variable.prompt.help("What the model is asked.", valueName: "text"))
    var prompt: String?

    @Option(
        help: Variable.onlyWeights.help(
            "With int8: quantize only matrices with this in their names, as 'down_proj' or 'vision:q_proj|fc1'.",
            valueName: "names"))
    var onlyWeights: String?

    @Option(
        help: Variable.forcedTokens.help(
            "What is answered, instead of what the model chooses: ids with commas between.", valueName: "ids"))
    var forcedTokens: String?

    @Option(help: Variable.maxTokens.help("Tokens of the answer.", default: "1", valueName: "count"))
    var maxTokens: Int?

    @Option(help: Variable.output.help("Where the logits go.", valueName: "file"))
    var output: String?

    func run() throws {
        let worker = try options.values()
        let output = try Variable.output.required(output, option: "--output")
        let forced = try (Variable.forcedTokens.value(forcedTokens) ?? "").split(separator: ",").map { text in
            guard let id = Int32(text.trimmingCharacters(in: .whitespaces)) else {
                throw ValidationError("'--forced-tokens' holds \(text); ids with commas between are expected.")
            }
            return id
        }
        let count = try Variable.maxTokens.count(maxTokens, option: "--max-tokens") ?? 1
        let probe = try LogitProbe(
            directory: try ModelLocation.directory(of: worker.model), precision: worker.precision,
            onlyWeights: try Variable.onlyWeights.value(onlyWeights),
            slidingWindow: worker.slidingWindow,
            threads: worker.threads ?? MachineLimits.current.cores)
        let logits = try probe.logits(
            picture: picture, prompt: try Variable.prompt.value(prompt) ?? "", tokens: count, forced: forced)
        do {
            try logits.withUnsafeBytes { try FileSystem.write($0, to: output) }
        } catch {
            throw CommandFailure(.environment, "cannot write \(output): \(error.localizedDescription)")
        }
    }
}
