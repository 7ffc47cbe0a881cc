import Base
import Foundation
import PaliGemma

/// A checkpoint with the dimensions of a real model and random numbers, for measuring speed and memory without the real
/// one. Its answers are noise.
///
/// The numbers depend only on the seed and the names of the tensors. Tensors that do not depend on the size of the pictures
/// (Gemma, and SigLIP except its positions) are in files of their own, named by all that they depend on. These are the
/// same for the three sizes, and are linked instead of written again where a neighboring directory has them.
package struct RandomModel: Sendable {
    /// The public models (pg2: PaliGemma 2), and a tiny one for trials, of which only the vocabulary has the real size.
    package static let shapeNames =
        ["3b", "pg2-3b", "pg2-10b", "pg2-28b"].flatMap { family in [224, 448, 896].map { "\(family)-\($0)" } } + [
            "tiny"
        ]

    package let configuration: ModelConfiguration
    /// The part of the shape's name that does not depend on the pictures' size.
    let family: String
    let seed: UInt64

    /// A model of a known shape.
    ///
    /// - Parameters:
    ///   - shape: one of ``shapeNames``.
    ///   - layers: maximum number of layers of the decoder and of the vision tower; nil for all.
    /// - Throws: ``RandomModelError`` for an unknown shape or fewer than one layer.
    package init(shape: String, layers: Int? = nil, seed: UInt64 = 0) throws(RandomModelError) {
        guard Self.shapeNames.contains(shape) else {
            throw RandomModelError("there is no shape \(shape); known are \(Self.shapeNames.joined(separator: ", "))")
        }
        if let layers, layers < 1 { throw RandomModelError("a model has at least one layer, not \(layers)") }
        let side = shape.split(separator: "-").last.flatMap { Int($0) }
        let (family, maximumLayers) = (side.map { String(shape.dropLast("-\($0)".count)) } ?? shape, layers ?? .max)
        configuration =
            side.map { Self.public(family, side: $0, layers: maximumLayers) } ?? Self.tiny(layers: maximumLayers)
        self.family = family
        self.seed = seed
    }

    /// A model of any dimensions.
    ///
    /// - Parameter family: stands for the dimensions in the names of the files.
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

    /// How a file of tensors got into the directory.
    package enum Step: Sendable {
        case written
        /// It is a hard link to the file of a neighboring directory.
        case linked
        /// It was there before.
        case kept
    }

    /// Writes the model, file by file. Files that an earlier, interrupted call finished are kept.
    ///
    /// - Parameters:
    ///   - directory: created where there is none. Its neighbors are searched for files to link.
    ///   - onFile: called with each file of tensors when it is whole.
    /// - Throws: ``RandomModelError`` where a file cannot be written.
    package func write(
        to directory: String, onFile: (_ name: String, _ step: Step) -> Void
    ) throws(RandomModelError) {
        do {
            try FileSystem.makeFolder(directory)
        } catch {
            throw RandomModelError("cannot make the directory \(directory): \(error)")
        }
        for shard in shards {
            let path = directory + "/" + shard.fileName
            onFile(shard.fileName, try place(shard, at: path, neighborsOf: directory))
        }
        try save(Data(index.utf8), to: directory + "/model.safetensors.index.json")
        try save(Data(PieceModel(pieces: RandomVocabulary.pieces).serialized), to: directory + "/tokenizer.model")
        try save(Data(preprocessorFile.utf8), to: directory + "/preprocessor_config.json")
        // Last, because a directory with a config.json counts as a whole model.
        try save(Data(configurationFile.utf8), to: directory + "/config.json")
    }

    private func place(
        _ shard: RandomShard, at path: String, neighborsOf directory: String
    ) throws(RandomModelError) -> Step {
        if shard.isWhole(at: path) { return .kept }
        let parent = FileSystem.resolved(directory).parentPath
        let neighbors = (try? FileSystem.names(in: parent)) ?? []
        for neighbor in neighbors.sorted() {
            let twin = "\(parent)/\(neighbor)/\(shard.fileName)"
            if shard.isWhole(at: twin), FileSystem.link(twin, to: path) { return .linked }
        }
        try shard.write(to: path, seed: seed)
        return .written
    }

    private func save(_ data: Data, to path: String) throws(RandomModelError) {
        do {
            try NewFile.write(data, to: path)
        } catch {
            throw RandomModelError("cannot write \(path): \(error)")
        }
    }
}

/// Why a random model cannot be made.
package struct RandomModelError: Error, CustomStringConvertible, Equatable {
    package let description: String

    init(_ description: String) { self.description = description }
}
