import Base
import Foundation
import Hub
import PaliGemma
import Pictures
import ShardPlan
import Tensor
import WorkerInterface

/// The model as every rank loads it.
struct ModelParts {
    let configuration: ModelConfiguration
    let checkpoint: Checkpoint
    let weights: ModelWeights
    let tokenizer: Tokenizer
    let adapters: AdapterSet
    let fingerprint: ModelFingerprint
    let plan: ShardPlan
    /// What the options change of how pictures are decoded; nil for nothing.
    private let imageDifference: String?

    /// - Parameter directory: the model's.
    init(_ settings: WorkerSettings, directory: String, worldSize: Int, _ launch: Launch) throws {
        try Kernels.check()
        configuration = try ModelConfiguration(directory: directory, slidingWindow: settings.slidingWindow)
        checkpoint = try Checkpoint(directory: directory)
        tokenizer = try Tokenizer(directory: directory, configuration: configuration)
        guard tokenizer.pieceCount <= configuration.text.vocabulary else {
            throw ModelError(
                .tokenizer, at: directory,
                "the tokenizer has \(tokenizer.pieceCount) pieces, but the model only "
                    + "\(configuration.text.vocabulary) rows for them; they belong to different models")
        }
        plan = try ShardPlan(ranks: worldSize, configuration: configuration, visionRanks: settings.visionRanks)
        adapters = try AdapterSet(options: settings.adapters)
        imageDifference = settings.imageOptions.difference
        fingerprint = try ModelFingerprint(
            of: checkpoint, configuration, adapters: adapters, precision: settings.precision, resize: settings.resize,
            image: settings.imageOptions, threads: launch.usableCores)
        weights = try ModelWeights.load(
            checkpoint, configuration, precision: fingerprint.precision, fingerprint: fingerprint.checkpoint,
            threads: launch.usableCores, adapters: adapters
        ) { making in
            let size = String(format: "%.0f MB", Double(making.byteCount) / 1e6)
            Console.log("quantizing the weights, once, into \(making.path) (\(size))")
        }
    }

    /// What is to be said about the model beside its plan.
    var notes: [String] {
        configuration.notes + [checkpoint.note, precisionNote, resizeNote].compactMap(\.self)
    }

    /// What is to be said where an option takes the place of the checkpoint's own resizing; nil where none does.
    private var resizeNote: String? {
        let own = configuration.vision.preprocessing.filter
        guard fingerprint.resize != .pillow, own != .bicubic else { return nil }
        return "\(WorkerOptions.table.resize.description.flag) \(fingerprint.resize.rawValue) takes the place of the "
            + "checkpoint's \(own.map { "resample \($0.rawValue)" } ?? "do_resize false")"
    }

    /// What is to be said about the precision that was asked for; nil where nothing is.
    private var precisionNote: String? {
        guard fingerprint.precision == .bf16, !weights.multipliesRounded() else { return nil }
        return "\(WorkerOptions.table.precision.description.flag) bf16 is the exact mode here: the kernels "
            + "\(Kernels.current.name) gain nothing from rounded activations with this checkpoint's weights"
    }

    /// The model for people: its name on the hub, or the last part of its directory's path, and the settings that give it other answers.
    var name: String {
        let options = WorkerOptions.table
        var parts = [ModelLocation.name(of: checkpoint.directory)]
        if fingerprint.precision != options.precision.defaultValue {
            parts.append("\(options.precision.description.flag) \(fingerprint.precision.rawValue)")
        }
        if fingerprint.hasSlidingWindow { parts.append(options.slidingWindow.description.flag) }
        if !adapters.names.isEmpty {
            parts.append("\(options.adapters.description.flag) \(adapters.names.joined(separator: " and "))")
        }
        if fingerprint.resize != options.resize.defaultValue {
            parts.append("\(options.resize.description.flag) \(fingerprint.resize.rawValue)")
        }
        if let difference = imageDifference { parts.append(difference) }
        return parts.joined(separator: ", ")
    }
}
