import Base
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
    package var endToken: Int
    package var padToken: Int

    package init(
        vision: VisionConfiguration, text: TextConfiguration, imageToken: Int,
        beginToken: Int = 2, endToken: Int = 1, padToken: Int = 0
    ) {
        self.vision = vision
        self.text = text
        self.imageToken = imageToken
        self.beginToken = beginToken
        self.endToken = endToken
        self.padToken = padToken
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
        let path = directory + "/config.json"
        guard let data = FileSystem.data(of: path) else {
            throw ModelError(
                .configuration, at: path, "cannot be read; is this a model directory in the Hugging Face layout?")
        }
        let file: ConfigurationFile
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            file = try decoder.decode(ConfigurationFile.self, from: data)
        } catch let error as DecodingError {
            throw ModelError(.configuration, at: path, error.inOneLine)
        } catch {
            throw ModelError(.configuration, at: path, "is not valid JSON")
        }
        do {
            self = try file.resolved()
            try validate()
            if !slidingWindow { text.window = nil }
        } catch {
            throw ModelError(.configuration, at: path, error.reason)
        }
    }
}
