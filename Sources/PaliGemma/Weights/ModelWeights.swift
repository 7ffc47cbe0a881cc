import Tensor

/// All tensors of a model: matrices as views of the mapped checkpoint, vectors (norms, biases) as float32 in memory.
///
/// The comment after each field is the tensor's canonical name (``TensorNames``).
package struct ModelWeights: Sendable {
    package let vision: VisionWeights
    package let projector: DenseWeights  // projector
    package let text: TextWeights
    /// What becomes of the inputs of linear layers.
    package var activations = ActivationPrecision.float32

    /// Takes all tensors out of a checkpoint. Each must be there and have the shape that the configuration asks for, and none
    /// may be left over.
    ///
    /// - Parameters:
    ///   - quantized: the int8 weights, which products use instead of the stored ones where it has them.
    ///   - adapters: the low-rank adapters that rows may ask for.
    /// - Throws: ``ModelError`` with the code `tensor` or `adapter`.
    package init(
        checkpoint: Checkpoint, configuration: ModelConfiguration, quantized: QuantizedFile? = nil,
        adapters: AdapterSet = AdapterSet()
    ) throws(ModelError) {
        var reader = TensorReader(checkpoint: checkpoint, quantized: quantized, adapters: adapters)
        vision = try VisionWeights(&reader, configuration.vision)
        projector = try DenseWeights(
            &reader, "projector", outputs: configuration.text.width, inputs: configuration.vision.width)
        text = try TextWeights(&reader, configuration.text)
        try reader.finish()
    }

    /// Whether products are faster with activations that are rounded to bfloat16.
    package func multipliesRounded(_ kernels: Kernels = .current) -> Bool {
        kernels.multipliesRounded(text.head.element)
    }
}

/// A product with a bias: y = x · weightᵀ + bias.
package struct DenseWeights: Sendable {
    let weight: WeightMatrix  // NAME.weight [outputs, inputs]
    let bias: [Float]  // NAME.bias [outputs]

    init(_ reader: inout TensorReader, _ name: String, outputs: Int, inputs: Int) throws(ModelError) {
        weight = try reader.matrix("\(name).weight", [outputs, inputs])
        bias = try reader.vector("\(name).bias", outputs)
    }
}

/// The weights of a layer norm.
package struct LayerNormWeights: Sendable {
    let weight: [Float]  // NAME.weight [D]
    let bias: [Float]  // NAME.bias [D]

    init(_ reader: inout TensorReader, _ name: String, _ width: Int) throws(ModelError) {
        weight = try reader.vector("\(name).weight", width)
        bias = try reader.vector("\(name).bias", width)
    }
}

/// The weights of the vision tower.
package struct VisionWeights: Sendable {
    let patch: DenseWeights  // vision.embeddings.patch_embedding [D, 3, P, P]
    let positions: WeightMatrix  // vision.embeddings.position_embedding.weight [T, D]
    let layers: [VisionLayerWeights]  // vision.encoder.layers.{i}
    let norm: LayerNormWeights  // vision.post_layernorm

    init(_ reader: inout TensorReader, _ configuration: VisionConfiguration) throws(ModelError) {
        let width = configuration.width
        reader.reshape(
            "vision.embeddings.patch_embedding.weight",
            from: [width, 3, configuration.patch, configuration.patch], to: [width, configuration.patchValues])
        patch = try DenseWeights(
            &reader, "vision.embeddings.patch_embedding", outputs: width, inputs: configuration.patchValues)
        positions = try reader.matrix(
            "vision.embeddings.position_embedding.weight", [configuration.tokens, width])
        var layers: [VisionLayerWeights] = []
        for index in 0..<configuration.layers {
            layers.append(try VisionLayerWeights(&reader, "vision.encoder.layers.\(index)", configuration))
        }
        self.layers = layers
        norm = try LayerNormWeights(&reader, "vision.post_layernorm", width)
    }
}

/// The weights of a layer of the vision tower.
package struct VisionLayerWeights: Sendable {
    let norm1: LayerNormWeights  // layer_norm1
    let query: DenseWeights  // self_attn.q_proj [D, D]
    let key: DenseWeights  // self_attn.k_proj [D, D]
    let value: DenseWeights  // self_attn.v_proj [D, D]
    let output: DenseWeights  // self_attn.out_proj [D, D]
    let norm2: LayerNormWeights  // layer_norm2
    let expand: DenseWeights  // mlp.fc1 [F, D]
    let contract: DenseWeights  // mlp.fc2 [D, F]

    init(_ reader: inout TensorReader, _ name: String, _ configuration: VisionConfiguration) throws(ModelError) {
        let (width, mlp) = (configuration.width, configuration.mlpWidth)
        norm1 = try LayerNormWeights(&reader, "\(name).layer_norm1", width)
        query = try DenseWeights(&reader, "\(name).self_attn.q_proj", outputs: width, inputs: width)
        key = try DenseWeights(&reader, "\(name).self_attn.k_proj", outputs: width, inputs: width)
        value = try DenseWeights(&reader, "\(name).self_attn.v_proj", outputs: width, inputs: width)
        output = try DenseWeights(&reader, "\(name).self_attn.out_proj", outputs: width, inputs: width)
        norm2 = try LayerNormWeights(&reader, "\(name).layer_norm2", width)
        expand = try DenseWeights(&reader, "\(name).mlp.fc1", outputs: mlp, inputs: width)
        contract = try DenseWeights(&reader, "\(name).mlp.fc2", outputs: width, inputs: mlp)
    }
}

/// The weights of Gemma.
package struct TextWeights: Sendable {
    let embedding: WeightMatrix  // text.embed_tokens.weight [V, D]
    let layers: [TextLayerWeights]  // text.layers.{i}
    let norm: [Float]  // text.norm.weight [D]
    /// The output head. It is the embedding, unless the checkpoint stores another matrix.
    let head: WeightMatrix  // head.weight [V, D]
    /// The canonical name of the head's tensor.
    let headName: String

    /// Whether the layers multiply with int8 weights.
    var isQuantized: Bool { layers.contains { $0.gate.quantized != nil } }

    init(_ reader: inout TensorReader, _ configuration: TextConfiguration) throws(ModelError) {
        let width = configuration.width
        // Some programs save only the head of a tied pair.
        let isHeadAlone = !reader.has("text.embed_tokens.weight") && reader.has("head.weight")
        embedding = try reader.matrix(
            isHeadAlone ? "head.weight" : "text.embed_tokens.weight", [configuration.vocabulary, width])
        var layers: [TextLayerWeights] = []
        for index in 0..<configuration.layers {
            layers.append(try TextLayerWeights(&reader, "text.layers.\(index)", configuration))
        }
        self.layers = layers
        norm = try reader.vector("text.norm.weight", width)
        // A stored head that equals the embedding is not used, so that only one of the two is read into memory.
        if !isHeadAlone, reader.has("head.weight") {
            let stored = try reader.matrix("head.weight", [configuration.vocabulary, width])
            let isTied = stored.holdsSameBytes(as: embedding)
            (head, headName) = isTied ? (embedding, "text.embed_tokens.weight") : (stored, "head.weight")
        } else {
            (head, headName) = (embedding, isHeadAlone ? "head.weight" : "text.embed_tokens.weight")
        }
    }
}

extension TextWeights {
    /// Bytes of the layers' matrices and the embedding, as products read them.
    package var bytes: Int {
        let matrices = layers.flatMap { [$0.query, $0.key, $0.value, $0.output, $0.gate, $0.up, $0.down] }
        return ([embedding] + matrices).reduce(0) { $0 + $1.productBytes }
    }
}

/// The weights of a layer of Gemma.
package struct TextLayerWeights: Sendable {
    let attentionNorm: [Float]  // input_layernorm.weight [D]
    let query: WeightMatrix  // self_attn.q_proj.weight [N·H, D]
    let key: WeightMatrix  // self_attn.k_proj.weight [K·H, D]
    let value: WeightMatrix  // self_attn.v_proj.weight [K·H, D]
    let output: WeightMatrix  // self_attn.o_proj.weight [D, N·H]
    /// post_attention_layernorm.weight [D] of Gemma 2, between attention and the residual stream; nil in Gemma 1.
    let attentionOutputNorm: [Float]?
    /// post_attention_layernorm.weight [D] of Gemma 1, pre_feedforward_layernorm.weight of Gemma 2.
    let mlpNorm: [Float]
    /// post_feedforward_layernorm.weight [D] of Gemma 2, between the MLP and the residual stream; nil in Gemma 1.
    let mlpOutputNorm: [Float]?
    let gate: WeightMatrix  // mlp.gate_proj.weight [F, D]
    let up: WeightMatrix  // mlp.up_proj.weight [F, D]
    let down: WeightMatrix  // mlp.down_proj.weight [D, F]

    init(_ reader: inout TensorReader, _ name: String, _ configuration: TextConfiguration) throws(ModelError) {
        let (width, mlp) = (configuration.width, configuration.mlpWidth)
        attentionNorm = try reader.vector("\(name).input_layernorm.weight", width)
        query = try reader.matrix("\(name).self_attn.q_proj.weight", [configuration.queryWidth, width])
        key = try reader.matrix("\(name).self_attn.k_proj.weight", [configuration.keyValueWidth, width])
        value = try reader.matrix("\(name).self_attn.v_proj.weight", [configuration.keyValueWidth, width])
        output = try reader.matrix("\(name).self_attn.o_proj.weight", [width, configuration.queryWidth])
        let afterAttention = try reader.vector("\(name).post_attention_layernorm.weight", width)
        if configuration.hasOutputNorms {
            attentionOutputNorm = afterAttention
            mlpNorm = try reader.vector("\(name).pre_feedforward_layernorm.weight", width)
            mlpOutputNorm = try reader.vector("\(name).post_feedforward_layernorm.weight", width)
        } else {
            (attentionOutputNorm, mlpNorm, mlpOutputNorm) = (nil, afterAttention, nil)
        }
        gate = try reader.matrix("\(name).mlp.gate_proj.weight", [mlp, width])
        up = try reader.matrix("\(name).mlp.up_proj.weight", [mlp, width])
        down = try reader.matrix("\(name).mlp.down_proj.weight", [width, mlp])
    }
}
