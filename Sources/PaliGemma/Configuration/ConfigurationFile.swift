/// A value of `config.json` that is not implemented. It is refused, never ignored.
struct UnsupportedValue: Error {
    let reason: String
}

/// The keys of `config.json`. All are optional, because released files leave out what equals the defaults of the classes
/// that wrote them. The names are those of the file, converted by `JSONDecoder.convertFromSnakeCase`.
struct ConfigurationFile: Decodable {
    var modelType: String?
    var imageTokenIndex: Int?
    var imageTokenId: Int?
    var bosTokenId: Int?
    var eosTokenId: TokenChoice?
    var padTokenId: Int?
    var textConfig: Text?
    var visionConfig: Vision?
    var quantizationConfig: Quantization?
    /// Of checkpoints that MLX quantized.
    var quantization: Presence?

    struct Text: Decodable {
        var modelType: String?
        var hiddenSize: Int?
        var intermediateSize: Int?
        var numHiddenLayers: Int?
        var numAttentionHeads: Int?
        var numKeyValueHeads: Int?
        var headDim: Int?
        var hiddenAct: String?
        var hiddenActivation: String?
        var rmsNormEps: Float?
        var ropeTheta: Float?
        var ropeParameters: Rope?
        var ropeScaling: Presence?
        var maxPositionEmbeddings: Int?
        var queryPreAttnScalar: Float?
        var attnLogitSoftcapping: Nullable<Float>?
        var finalLogitSoftcapping: Nullable<Float>?
        var slidingWindow: Nullable<Int>?
        var layerTypes: [String]?
        var attentionBias: Bool?
        var vocabSize: Int?
        var bosTokenId: Int?
        var eosTokenId: TokenChoice?
        var padTokenId: Int?
    }

    struct Rope: Decodable {
        var ropeTheta: Float?
        var ropeType: String?
    }

    struct Vision: Decodable {
        var modelType: String?
        var hiddenSize: Int?
        var intermediateSize: Int?
        var numHiddenLayers: Int?
        var numAttentionHeads: Int?
        var patchSize: Int?
        var imageSize: Int?
        var numChannels: Int?
        var layerNormEps: Float?
        var hiddenAct: String?
    }

    /// A token id, or a list of ids.
    struct TokenChoice: Decodable {
        let tokens: [Int]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let token = try? container.decode(Int.self) {
                tokens = [token]
            } else {
                tokens = try container.decode([Int].self)
            }
        }
    }

    /// A value for which null and a missing key differ.
    struct Nullable<Value: Decodable>: Decodable {
        let value: Value?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            value = container.decodeNil() ? nil : try container.decode(Value.self)
        }
    }

    /// How a checkpoint was quantized.
    struct Quantization: Decodable {
        var quantMethod: String?
        var bits: Int?
        var groupSize: Int?

        private static let advice =
            "quantized checkpoints are not read; use the original in bf16 or f32, and --precision int8 to quantize it here"
        static let mlx = "this checkpoint was quantized by MLX; \(advice)"

        /// Why the checkpoint cannot be read.
        var refusal: String {
            let names = [
                "bitsandbytes": "bitsandbytes", "gptq": "GPTQ", "awq": "AWQ", "fp8": "fp8",
                "fbgemm_fp8": "fp8 (fbgemm)", "compressed-tensors": "compressed-tensors", "torchao": "torchao",
                "hqq": "HQQ", "quanto": "quanto", "aqlm": "AQLM", "eetq": "EETQ", "mxfp4": "mxfp4",
            ]
            guard let quantMethod else {
                // MLX writes its settings a second time under this key, without a method.
                return groupSize != nil ? Self.mlx : "quantization_config: \(Self.advice)"
            }
            let width = bits.map { "\($0) bits" }
            let method = names[quantMethod] ?? quantMethod
            return "this checkpoint was quantized by \(method)\(width.map { " to \($0)" } ?? ""); \(Self.advice)"
        }
    }

    /// A key of which only the presence matters.
    struct Presence: Decodable {
        init(from decoder: any Decoder) throws {}
    }
}

extension ConfigurationFile {
    /// Returns the configuration with the defaults of the public classes filled in.
    ///
    /// - Throws: ``UnsupportedValue`` for the first value that is not implemented.
    func resolved() throws(UnsupportedValue) -> ModelConfiguration {
        guard modelType == "paligemma" else {
            throw UnsupportedValue(
                reason: "model_type is \(modelType ?? "missing"); only paligemma checkpoints can be used")
        }
        if let reason = quantizationConfig?.refusal ?? quantization.map({ _ in Quantization.mlx }) {
            throw UnsupportedValue(reason: reason)
        }
        let text = try resolvedText()
        let ends = eosTokenId?.tokens ?? textConfig?.eosTokenId?.tokens ?? [1]
        guard let end = ends.first else { throw UnsupportedValue(reason: "eos_token_id is an empty list") }
        return ModelConfiguration(
            vision: try resolvedVision(), text: text,
            imageToken: imageTokenIndex ?? imageTokenId ?? 256_000,
            beginToken: bosTokenId ?? textConfig?.bosTokenId ?? 2,
            endToken: end,
            padToken: padTokenId ?? textConfig?.padTokenId ?? 0, endTokens: ends)
    }

    private func resolvedText() throws(UnsupportedValue) -> TextConfiguration {
        // Without a text_config the public classes build the language model of the released 3B.
        guard let file = textConfig else {
            return TextConfiguration(
                width: 2048, mlpWidth: 16384, layers: 18, heads: 8, keyValueHeads: 1, headWidth: 256,
                vocabulary: 257_216)
        }
        let name = file.modelType ?? TextConfiguration.Family.gemma.rawValue
        guard let family = TextConfiguration.Family(rawValue: name) else {
            throw UnsupportedValue(
                reason:
                    "text_config.model_type is \(name); implemented are gemma (PaliGemma 1) and gemma2 (PaliGemma 2)")
        }
        if file.attentionBias == true {
            throw UnsupportedValue(reason: "text_config.attention_bias is true; Gemma has no biases")
        }
        // Released files say "gelu", but the weights were trained with the tanh approximation.
        try require(
            file.hiddenActivation ?? file.hiddenAct, in: ["gelu_pytorch_tanh", "gelu", "gelu_fast"],
            for: "text_config.hidden_activation")
        let ropeType = file.ropeParameters?.ropeType ?? "default"
        guard ropeType == "default", file.ropeScaling == nil else {
            throw UnsupportedValue(reason: "text_config: rope of type \(ropeType) with scaling is not implemented")
        }
        var text = TextConfiguration.classDefaults(of: family)
        text.width = file.hiddenSize ?? text.width
        text.mlpWidth = file.intermediateSize ?? text.mlpWidth
        text.layers = file.numHiddenLayers ?? text.layers
        text.heads = file.numAttentionHeads ?? text.heads
        text.keyValueHeads = file.numKeyValueHeads ?? text.keyValueHeads
        text.headWidth = file.headDim ?? text.headWidth
        text.vocabulary = file.vocabSize ?? text.vocabulary
        text.normEpsilon = file.rmsNormEps ?? text.normEpsilon
        text.ropeBase = file.ropeParameters?.ropeTheta ?? file.ropeTheta ?? text.ropeBase
        text.context = file.maxPositionEmbeddings ?? text.context
        switch family {
        // The public class ignores query_pre_attn_scalar for Gemma 1.
        case .gemma: text.queryScalar = Float(text.headWidth)
        case .gemma2: try file.resolveGemma2(&text)
        }
        return text
    }

    private func resolvedVision() throws(UnsupportedValue) -> VisionConfiguration {
        guard let file = visionConfig else {
            return VisionConfiguration(
                width: 1152, mlpWidth: 4304, layers: 27, heads: 16, patch: 14, imageSize: 224)
        }
        try require(file.modelType, in: ["siglip_vision_model"], for: "vision_config.model_type")
        try require(
            file.hiddenAct, in: ["gelu_pytorch_tanh", "gelu_fast"], for: "vision_config.hidden_act")
        let channels = file.numChannels ?? 3
        guard channels == 3 else {
            throw UnsupportedValue(reason: "vision_config.num_channels is \(channels); pictures have 3")
        }
        return VisionConfiguration(
            width: file.hiddenSize ?? 768, mlpWidth: file.intermediateSize ?? 3072,
            layers: file.numHiddenLayers ?? 12, heads: file.numAttentionHeads ?? 12,
            patch: file.patchSize ?? 16, imageSize: file.imageSize ?? 224,
            layerNormEpsilon: file.layerNormEps ?? 1e-6)
    }

    private func require(
        _ value: String?, in accepted: [String], for key: String
    ) throws(UnsupportedValue) {
        guard let value, !accepted.contains(value) else { return }
        throw UnsupportedValue(reason: "\(key) is \(value); implemented: \(accepted.joined(separator: ", "))")
    }
}

extension ConfigurationFile.Text {
    fileprivate func resolveGemma2(_ text: inout TextConfiguration) throws(UnsupportedValue) {
        text.queryScalar = queryPreAttnScalar ?? text.queryScalar
        if let attnLogitSoftcapping { text.attentionSoftCap = attnLogitSoftcapping.value }
        if let finalLogitSoftcapping { text.finalSoftCap = finalLogitSoftcapping.value }
        let positions = (slidingWindow.map(\.value) ?? 4096).map { min($0, 1 << 24) }
        guard (1...1024).contains(text.layers) else {
            throw UnsupportedValue(
                reason: "text_config.num_hidden_layers is \(text.layers); it must lie between 1 and 1024")
        }
        text.window = positions.map { .alternating(positions: $0, layers: text.layers) }
        guard let layerTypes else { return }
        guard layerTypes.count == text.layers else {
            throw UnsupportedValue(
                reason: "text_config.layer_types names \(layerTypes.count) layers of \(text.layers)")
        }
        let known = ["full_attention", "sliding_attention"]
        if let other = layerTypes.first(where: { !known.contains($0) }) {
            throw UnsupportedValue(
                reason: "text_config.layer_types holds \(other); implemented: \(known.joined(separator: ", "))")
        }
        text.window?.layers = Set(layerTypes.indices.filter { layerTypes[$0] == "sliding_attention" })
    }
}

extension TextConfiguration {
    /// Returns the values that the public classes use for keys that a file leaves out.
    fileprivate static func classDefaults(of family: Family) -> TextConfiguration {
        switch family {
        case .gemma:
            TextConfiguration(
                width: 3072, mlpWidth: 24576, layers: 28, heads: 16, keyValueHeads: 16, headWidth: 256,
                vocabulary: 256_000)
        case .gemma2:
            TextConfiguration(
                width: 2304, mlpWidth: 9216, layers: 26, heads: 8, keyValueHeads: 4, headWidth: 256,
                vocabulary: 256_000, family: .gemma2, queryScalar: 256, attentionSoftCap: 50, finalSoftCap: 30)
        }
    }
}

extension KeyedDecodingContainer {
    /// Overloads the general function, which does not distinguish null from a missing key.
    func decodeIfPresent<Value>(
        _ type: ConfigurationFile.Nullable<Value>.Type, forKey key: Key
    ) throws -> ConfigurationFile.Nullable<Value>? {
        contains(key) ? try decode(type, forKey: key) : nil
    }
}
