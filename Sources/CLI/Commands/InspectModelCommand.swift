import ArgumentParser
import Base
import Foundation
import Hub
import PaliGemma
import ShardPlan
import Tensor
import WorkerInterface

struct InspectModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Check a model, and list what is in it and what each rank would hold.",
        discussion: """
            Reads the headers of all files and the tokenizer, as a world does before it starts.

              paligemma inspect model DIR --ranks 4
            """)

    @Argument(help: "The model's directory, or org/name of one that was pulled.")
    var directory: String?

    @OptionGroup var plan: PlanOptions

    func run() throws {
        let directory = try ModelLocation.directory(
            of: Variable.model.required(directory, option: "<directory>"))
        let configuration = try ModelConfiguration(directory: directory, slidingWindow: true)
        let checkpoint = try Checkpoint(directory: directory)
        let weights = try ModelWeights(checkpoint: checkpoint, configuration: configuration)
        let tokenizer = try Tokenizer(directory: directory, configuration: configuration)
        let plan = try self.plan.resolved(for: configuration)

        let lines =
            Self.describe(configuration, tokenizer) + (try Self.describe(checkpoint))
            + [
                PlanReport.row(
                    "int8", "\(ByteCount.text(weights.quantizedBytes)) more on the disk, once, for --precision int8")
            ]
            + PlanReport.lines(about: .current)
            + PlanReport.lines(
                plan: plan, configuration: configuration, elementSize: checkpoint.elementSize())
        print(lines.joined(separator: "\n"))
    }

    private static func describe(_ configuration: ModelConfiguration, _ tokenizer: Tokenizer) -> [String] {
        let (vision, text) = (configuration.vision, configuration.text)
        return [
            PlanReport.row(
                "pictures", "\(vision.imageSize) x \(vision.imageSize), \(vision.tokens.counted("token")) each"),
            PlanReport.row(
                "vision",
                "\(vision.layers.counted("layer")), width \(vision.width), \(vision.heads.counted("head")) of \(vision.headWidth), "
                    + "MLP \(vision.mlpWidth), patches of \(vision.patch)"),
            PlanReport.row(
                "Gemma",
                "\(text.layers.counted("layer")), width \(text.width), \(text.heads) query and \(text.keyValueHeads) "
                    + "key/value heads of \(text.headWidth), MLP \(text.mlpWidth)"),
        ] + Self.gemma2(text) + Self.settings(configuration) + [
            PlanReport.row(
                "context",
                "\(text.context) tokens, vocabulary \(text.vocabulary), tokenizer \(tokenizer.pieceCount) pieces")
        ]
    }

    /// What the files beside `config.json` say about answers and pictures, where that is not the usual.
    private static func settings(_ configuration: ModelConfiguration) -> [String] {
        var rows: [String] = []
        if configuration.endTokens != [configuration.endToken] {
            rows.append(PlanReport.row("ends", configuration.endTokens.map(String.init).joined(separator: ", ")))
        }
        if !configuration.generation.members.isEmpty {
            var writer = JSONWriter()
            writer.value(.object(configuration.generation.members))
            let text = String(decoding: writer.bytes, as: UTF8.self)
            rows.append(
                PlanReport.row("generation", text + (configuration.generation.samples ? ", for all jobs" : "")))
        }
        let preprocessing = configuration.vision.preprocessing
        if preprocessing.filter != .bicubic {
            rows.append(
                PlanReport.row(
                    "resizing", preprocessing.filter.map { "\($0), as Pillow's" } ?? "none: pictures have the size"))
        }
        return rows + configuration.notes.map { PlanReport.row("note", $0) }
    }

    /// What Gemma 2 has beside Gemma 1.
    private static func gemma2(_ text: TextConfiguration) -> [String] {
        guard text.family == .gemma2 else { return [] }
        let caps = [("scores", text.attentionSoftCap), ("logits", text.finalSoftCap)].map { name, cap in
            "\(name) " + (cap.map { String(format: "capped at %g", $0) } ?? "not capped")
        }
        let window = text.window.map {
            "a window of \($0.positions) in \($0.layers.count) layers, used with --sliding-window"
        }
        return [PlanReport.row("Gemma 2", (caps + [window ?? "no window"]).joined(separator: ", "))]
    }

    private static func describe(_ checkpoint: Checkpoint) throws(ModelError) -> [String] {
        var bytes: [ElementType: Int] = [:]
        for tensor in checkpoint.tensors.values { bytes[tensor.entry.element, default: 0] += tensor.entry.range.count }
        let types = ElementType.allCases.compactMap { type in
            bytes[type].map { "\(type.rawValue) \(ByteCount.text($0))" }
        }
        return [
            PlanReport.row(
                "tensors",
                "\(checkpoint.tensors.count) in \(checkpoint.files.count) "
                    + "\(checkpoint.files.count == 1 ? "file" : "files"): \(types.joined(separator: ", "))"),
            PlanReport.row(
                "fingerprint", try checkpoint.fingerprint(threads: ProcessInfo.processInfo.activeProcessorCount)),
        ] + (checkpoint.note.map { [PlanReport.row("note", $0)] } ?? [])
    }
}
