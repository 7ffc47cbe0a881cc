import Foundation
import PaliGemma

/// A checkpoint of a real model's dimensions with random numbers in it: what speed and memory are measured with where
/// the real one is not at hand. Its answers are noise.
///
/// The numbers depend on the seed and the tensors' names alone. What does not depend on the picture's size (Gemma, and
/// SigLIP but for its positions) lies in files of its own, named by all that they depend on: they are the same for
/// the three sizes, and are linked, not written again, where a neighboring directory has them.
package struct RandomModel: Sendable {
    /// The public models (pg2: PaliGemma 2), and a tiny one to try things with; only its vocabulary is of the real size.
    package static let shapeNames =
        ["3b", "pg2-3b", "pg2-10b", "pg2-28b"].flatMap { family in [224, 448, 896].map { "\(family)-\($0)" } } + [
            "tiny"
        ]

    package let configuration: ModelConfiguration
    /// The part of the shape's name that does not depend on the pictures' size.
    let family: String
    let seed: UInt64

    /// - Parameters:
    ///   - shape: one of ``shapeNames``.
    ///   - layers: at most so many layers of the decoder and of the vision tower; nil for all.
    package init(shape: String, layers: Int? = nil, seed: UInt64 = 0) throws(RandomModelError) {
        guard Self.shapeNames.contains(shape) else {
            throw RandomModelError("there is no shape \(shape); known are \(Self.shapeNames.joined(separator: ", "))")
        }
        if let layers, layers < 1 { throw RandomModelError("a model has at least one layer, not \(layers)") }
        let side = shape.split(separator: "-").last.flatMap { Int($0) }
        let (family, most) = (side.map { String(shape.dropLast("-\($0)".count)) } ?? shape, layers ?? .max)
        configuration = side.map { Self.public(family, side: $0, layers: most) } ?? Self.tiny(layers: most)
        self.family = family
        self.seed = seed
    }

    /// A model of any dimensions.
    ///
    /// - Parameter family: what stands for them in the files' names.
    package init(_ configuration: ModelConfiguration, family: String, seed: UInt64 = 0) {
        (self.configuration, self.family, self.seed) = (configuration, family, seed)
    }

    private static func `public`(_ family: String, side: Int, layers: Int) -> ModelConfiguration {
        ModelConfiguration(
            vision: VisionConfiguration(
                width: 1152, mlpWidth: 4304, layers: min(27, layers), heads: 16, patch: 14, imageSize: side),
            text: language(family, layers: layers), imageToken: RandomVocabulary.count)
    }

    private static func language(_ family: String, layers: Int) -> TextConfiguration {
        func gemma2(_ own: Int, width: Int, mlp: Int, heads: Int, head: Int, scalar: Float) -> TextConfiguration {
            TextConfiguration(
                width: width, mlpWidth: mlp, layers: min(own, layers), heads: heads, keyValueHeads: heads / 2,
                headWidth: head, vocabulary: 257_216, family: .gemma2, queryScalar: scalar, attentionSoftCap: 50,
                finalSoftCap: 30)
        }
        switch family {
        case "pg2-3b": return gemma2(26, width: 2304, mlp: 9216, heads: 8, head: 256, scalar: 256)
        case "pg2-10b": return gemma2(42, width: 3584, mlp: 14336, heads: 16, head: 256, scalar: 256)
        case "pg2-28b": return gemma2(46, width: 4608, mlp: 36864, heads: 32, head: 128, scalar: 144)
        default:
            return TextConfiguration(
                width: 2048, mlpWidth: 16384, layers: min(18, layers), heads: 8, keyValueHeads: 1, headWidth: 256,
                vocabulary: 257_216)
        }
    }

    private static func tiny(layers: Int) -> ModelConfiguration {
        ModelConfiguration(
            vision: VisionConfiguration(
                width: 64, mlpWidth: 128, layers: min(2, layers), heads: 4, patch: 14, imageSize: 56),
            text: TextConfiguration(
                width: 64, mlpWidth: 256, layers: min(2, layers), heads: 4, keyValueHeads: 1, headWidth: 256,
                vocabulary: 257_216),
            imageToken: RandomVocabulary.count)
    }

    /// Bytes of the tensors.
    package var byteCount: Int { shards.reduce(0) { $0 + $1.byteCount } }

    /// What was done for a file of tensors.
    package enum Step: Sendable {
        case written
        /// Of a neighboring directory.
        case linked
        /// It was there already.
        case kept
    }

    /// Writes the model, file by file; what an earlier, interrupted call finished is kept.
    ///
    /// - Parameters:
    ///   - directory: made where there is none. Its neighbors are looked through for files to link.
    ///   - onFile: told of each file of tensors, when it is whole.
    package func write(
        to directory: String, onFile: (_ name: String, _ step: Step) -> Void
    ) throws(RandomModelError) {
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw RandomModelError("cannot make the directory \(directory): \(error.localizedDescription)")
        }
        for shard in shards {
            let path = directory + "/" + shard.fileName
            onFile(shard.fileName, try place(shard, at: path, neighborsOf: directory))
        }
        try save(Data(index.utf8), to: directory + "/model.safetensors.index.json")
        try save(Data(PieceModel(pieces: RandomVocabulary.pieces).serialized), to: directory + "/tokenizer.model")
        try save(Data(preprocessorFile.utf8), to: directory + "/preprocessor_config.json")
        // The last: a directory with a config.json is a whole model.
        try save(Data(configurationFile.utf8), to: directory + "/config.json")
    }

    private func place(
        _ shard: RandomShard, at path: String, neighborsOf directory: String
    ) throws(RandomModelError) -> Step {
        if shard.isWhole(at: path) { return .kept }
        let parent = URL(fileURLWithPath: directory).standardizedFileURL.deletingLastPathComponent().path
        let neighbors = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        for neighbor in neighbors.sorted() {
            let twin = "\(parent)/\(neighbor)/\(shard.fileName)"
            if shard.isWhole(at: twin), link(twin, path) == 0 { return .linked }
        }
        try shard.write(to: path, seed: seed)
        return .written
    }

    private func save(_ data: Data, to path: String) throws(RandomModelError) {
        do {
            try data.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw RandomModelError("cannot write \(path): \(error.localizedDescription)")
        }
    }
}

/// Why a random model cannot be made.
package struct RandomModelError: Error, CustomStringConvertible, Equatable {
    package let description: String

    init(_ description: String) { self.description = description }
}
