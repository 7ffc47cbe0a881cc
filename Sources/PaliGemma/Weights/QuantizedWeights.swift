import Tensor

/// Which weights are quantized. What is left in the checkpoint's numbers costs next to nothing and would cost accuracy:
/// the embeddings, which are looked up and not multiplied, biases and norms, the patch embedding and the projector, on
/// which all else rests, Gemma's keys and values, 1 % of a layer's weights, and any matrix that is small
/// (docs/int8.md has the figures).
extension ModelWeights {
    /// Matrices with fewer weights stay as they are: a model that needs speed spends next to none of its time in them.
    private static let fewestWeights = 1 << 15

    /// By canonical name.
    package var quantizable: [(name: String, matrix: WeightMatrix)] {
        var all: [(name: String, matrix: WeightMatrix)] = []
        for (index, layer) in vision.layers.enumerated() {
            all += layer.products.map { ("vision.encoder.layers.\(index).\($0).weight", $1.weight) }
        }
        for (index, layer) in text.layers.enumerated() {
            all += layer.products.map { ("text.layers.\(index).\($0).weight", $1) }
        }
        all.append((text.headName, text.head))
        return all.filter { $0.matrix.outputs * $0.matrix.inputs >= Self.fewestWeights }
    }

    /// Bytes of the file that `--weights int8` makes.
    package var quantizedBytes: Int {
        QuantizedLayout(matrices: quantizable.map { ($0.name, $0.matrix.outputs, $0.matrix.inputs) }, model: "")
            .byteCount
    }
}

extension VisionLayerWeights {
    fileprivate var products: [(String, DenseWeights)] {
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

extension VisionTower {
    /// Checks the quantized weights that this tower multiplies with, and makes what its products need; nothing where
    /// there are none.
    package func prepareWeights() throws(ModelError) {
        for layer in weights.layers {
            for (_, dense) in layer.products { try dense.weight.quantized?.prepare(linear) }
        }
    }
}

extension Gemma {
    /// Checks the quantized weights that this rank multiplies with, and makes what its products need; nothing where
    /// there are none.
    package func prepareWeights() throws(ModelError) {
        let heads = slice.queryHeads
        let columns = heads.lowerBound * configuration.headWidth..<heads.upperBound * configuration.headWidth
        var used = [weights.head.outputs(slice.vocabulary)]
        for layer in weights.layers {
            // A prefill multiplies own rows with all heads, decoding all rows with own heads.
            used += [layer.query, layer.output, layer.query.outputs(columns), layer.output.inputs(columns)]
            used += [layer.gate.outputs(slice.mlp), layer.up.outputs(slice.mlp), layer.down.inputs(slice.mlp)]
            if cut.split == .rows { used += [layer.gate, layer.up, layer.down] }
        }
        for weight in used { try weight.quantized?.prepare(linear) }
    }
}
