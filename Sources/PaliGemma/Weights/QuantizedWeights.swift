import Tensor

/// Which weights are quantized. The others take next to no time, and quantizing them would cost accuracy: embeddings,
/// which are looked up and not multiplied, biases and norms, the patch embedding and the projector, which all later layers
/// depend on, Gemma's keys and values, which are 1 % of a layer's weights, and small matrices. docs/int8.md has the figures.
extension ModelWeights {
    /// Matrices with fewer weights are not quantized: large models spend next to no time in them.
    private static let minimumWeights = 1 << 15

    /// The matrices to quantize, by canonical name.
    package var quantizable: [(name: String, matrix: StoredMatrix)] {
        var all: [(name: String, matrix: WeightMatrix)] = []
        for (index, layer) in vision.layers.enumerated() {
            all += layer.products.map { ("vision.encoder.layers.\(index).\($0).weight", $1.weight) }
        }
        for (index, layer) in text.layers.enumerated() {
            all += layer.products.map { ("text.layers.\(index).\($0).weight", $1) }
        }
        all.append((text.headName, text.head))
        return all.filter { $0.matrix.outputs * $0.matrix.inputs >= Self.minimumWeights }.map {
            ($0.name, $0.matrix.stored)
        }
    }

    /// Bytes of the file that `--precision int8` makes.
    package var quantizedBytes: Int {
        QuantizedLayout(matrices: quantizable.map { ($0.name, $0.matrix.outputs, $0.matrix.inputs) }, model: "")
            .byteCount
    }
}

extension VisionLayerWeights {
    /// The products of a layer by the last parts of their names.
    var products: [(String, DenseWeights)] {
        [
            ("self_attn.q_proj", query), ("self_attn.k_proj", key), ("self_attn.v_proj", value),
            ("self_attn.out_proj", output), ("mlp.fc1", expand), ("mlp.fc2", contract),
        ]
    }
}

extension TextLayerWeights {
    fileprivate var products: [(String, WeightMatrix)] {
        [
            ("self_attn.q_proj", query), ("self_attn.o_proj", output), ("mlp.gate_proj", gate), ("mlp.up_proj", up),
            ("mlp.down_proj", down),
        ]
    }
}
