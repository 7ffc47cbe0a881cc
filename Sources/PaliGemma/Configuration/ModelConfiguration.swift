import Base
import DecodingSettings
import Foundation
import Tensor

/// The configuration of a PaliGemma model: `config.json`, completed by the class defaults of transformers, because released
/// files leave most keys out.
package struct ModelConfiguration: Sendable, Equatable {
    package var vision: VisionConfiguration
    package var text: TextConfiguration
    /// Id of the placeholder token for a row of a picture's features.
    package var imageToken: Int
    package var beginToken: Int
    /// Of `config.json`, for the tokenizer to be compared with.
    package var endToken: Int
    package var padToken: Int
    /// The tokens any of which ends an answer: those of `generation_config.json`, else of `config.json`. Not empty.
    package var endTokens: [Int]
    /// The decoding options of jobs that do not give them, as `generation_config.json` has them.
    package var generation = DecodingDefaults()
    /// What is to be said about the files of the configuration.
    package var notes: [String] = []

    package init(
        vision: VisionConfiguration, text: TextConfiguration, imageToken: Int,
        beginToken: Int = 2, endToken: Int = 1, padToken: Int = 0, endTokens: [Int]? = nil
    ) {
        self.vision = vision
        self.text = text
        self.imageToken = imageToken
        self.beginToken = beginToken
        self.endToken = endToken
        self.padToken = padToken
        self.endTokens = endTokens ?? [endToken]
    }
}

/// The configuration of SigLIP, the vision tower.
package struct VisionConfiguration: Sendable, Equatable {
    package var width: Int
    package var mlpWidth: Int
    package var layers: Int
    package var heads: Int
    package var patch: Int
    /// Side of the square input in pixels.
    package var imageSize: Int
    package var layerNormEpsilon: Float
    /// How a picture becomes the numbers that the tower takes.
    package var preprocessing = PicturePreprocessing()

    package init(
        width: Int, mlpWidth: Int, layers: Int, heads: Int, patch: Int, imageSize: Int, layerNormEpsilon: Float = 1e-6
    ) {
        self.width = width
        self.mlpWidth = mlpWidth
        self.layers = layers
        self.heads = heads
        self.patch = patch
        self.imageSize = imageSize
        self.layerNormEpsilon = layerNormEpsilon
    }

    package var headWidth: Int { width / heads }
    /// Patches along one side; pixels that do not fill a patch are dropped, as a convolution without padding does.
    package var grid: Int { imageSize / patch }
    /// Number of rows (image tokens) of one picture.
    package var tokens: Int { grid * grid }
    /// Number of values of a patch: 3 channels of patch x patch pixels.
    package var patchValues: Int { 3 * patch * patch }
}

/// The configuration of Gemma, the language model.
package struct TextConfiguration: Sendable, Equatable {
    package var width: Int
    package var mlpWidth: Int
    package var layers: Int
    package var heads: Int
    package var keyValueHeads: Int
    package var headWidth: Int
    package var vocabulary: Int
    package var normEpsilon: Float
    package var ropeBase: Float
    /// Maximum number of positions of a sequence: image tokens, prompt and answer together.
    package var context: Int

    package var family: Family
    /// Attention scores are divided by the square root of this number. It is the head width in Gemma 1.
    package var queryScalar: Float
    /// The soft cap of attention scores s in Gemma 2: cap · tanh(s / cap). Nil where scores are not capped.
    package var attentionSoftCap: Float?
    /// The soft cap of logits in Gemma 2. Nil where logits are not capped.
    package var finalSoftCap: Float?
    /// Nil where every layer attends to all positions, as PaliGemma 2 was trained.
    package var window: SlidingWindow?

    package enum Family: String, Sendable {
        /// PaliGemma 1.
        case gemma
        /// PaliGemma 2: norms also after attention and after the MLP.
        case gemma2
    }

    /// Layers in which the tokens of an answer attend only to the last positions.
    package struct SlidingWindow: Sendable, Equatable {
        /// Number of positions that a token attends to, its own included.
        package var positions: Int
        package var layers: Set<Int>

        package init(positions: Int, layers: Set<Int>) {
            self.positions = positions
            self.layers = layers
        }

        /// Returns the window of Gemma 2: every other layer, from the first.
        package static func alternating(positions: Int, layers: Int) -> SlidingWindow {
            SlidingWindow(positions: positions, layers: Set(stride(from: 0, to: layers, by: 2)))
        }
    }

    package init(
        width: Int, mlpWidth: Int, layers: Int, heads: Int, keyValueHeads: Int, headWidth: Int, vocabulary: Int,
        normEpsilon: Float = 1e-6, ropeBase: Float = 10_000, context: Int = 8192, family: Family = .gemma,
        queryScalar: Float? = nil, attentionSoftCap: Float? = nil, finalSoftCap: Float? = nil,
        window: SlidingWindow? = nil
    ) {
        self.width = width
        self.mlpWidth = mlpWidth
        self.layers = layers
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        self.headWidth = headWidth
        self.vocabulary = vocabulary
        self.normEpsilon = normEpsilon
        self.ropeBase = ropeBase
        self.context = context
        self.family = family
        self.queryScalar = queryScalar ?? Float(headWidth)
        self.attentionSoftCap = attentionSoftCap
        self.finalSoftCap = finalSoftCap
        self.window = window
    }

    /// Whether the outputs of attention and MLP are normalized before they are added to the residual stream.
    package var hasOutputNorms: Bool { family == .gemma2 }

    /// Width of all query heads together.
    package var queryWidth: Int { heads * headWidth }
    /// Width of all key (or value) heads together.
    package var keyValueWidth: Int { keyValueHeads * headWidth }
}

extension ModelConfiguration {
    /// Reads `config.json` of a model directory.
    ///
    /// - Parameter slidingWindow: whether PaliGemma 2 keeps the sliding window of the file, as transformers does. Without it
    ///   every layer attends to all positions, as the weights were trained.
    /// - Throws: ``ModelError`` with the code `configuration` where the file is missing or malformed, or asks for something
    ///   that is not implemented.
    package init(directory: String, slidingWindow: Bool = false) throws(ModelError) {
        let directory = ModelDirectory(directory)
        try directory.check()
        let path = directory.file("config.json")
        guard let bytes = try directory.bytes(of: "config.json", .configuration) else {
            throw ModelError(.configuration, at: path, "there is no such file; \(directory.guess)")
        }
        do {
            let file = try Self.decode(bytes, path)
            self = try file.resolved()
            try validate()
            if !slidingWindow { text.window = nil }
        } catch let error as UnsupportedValue {
            throw ModelError(.configuration, at: path, error.reason)
        } catch {
            throw error as? ModelError ?? ModelError(.configuration, at: path, "\(error)")
        }
        try readGeneration(directory)
        try readPreprocessing(directory)
    }

    private static func decode(_ bytes: [UInt8], _ path: String) throws(ModelError) -> ConfigurationFile {
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(ConfigurationFile.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw ModelError(.configuration, at: path, error.inOneLine)
        } catch {
            throw ModelError(.configuration, at: path, "is not valid JSON")
        }
    }
}
