import Tensor

/// Gemma, one rank's part of it: prefixes in, tokens out.
///
///     B rows of a decoding step, T rows of a prefill, D width, N query heads, K key/value heads, H head width,
///     F MLP width, V vocabulary
///
/// A prefix goes through the layers sequence parallel (``prefill(_:features:)``, GemmaPrefill.swift), the tokens after it
/// tensor parallel, by heads and columns (``decode(_:steps:)``, GemmaDecode.swift).
package final class Gemma {
    let configuration: TextConfiguration
    let tokensPerPicture: Int
    /// Any of these ends an answer; choices are scored with the first.
    let endTokens: [Int32]
    let imageToken: Int32
    let weights: TextWeights
    let projector: DenseWeights
    let slice: TextSlice
    let group: any TensorParallelGroup
    let team: ThreadTeam
    let kernels: Kernels
    let linear: Linear
    let attention: TiledAttention
    package let meter = OperationMeter()
    let rotary: RotaryTable
    let scoreRule: ScoreRule
    /// √D, by which the embedding of a text token (not a picture's features) is multiplied.
    let embeddingScale: Float
    /// How a prefill is cut among the group.
    let cut: PrefillCut
    var keptPrefillBuffers: PrefillBuffers?
    var keptDecodeBuffers: DecodeBuffers?
    /// Every rank's part of the vocabulary, once it was asked for (``vocabularies()``).
    var keptVocabularies: [Range<Int>]?
    let onActivation: ((Activation, MatrixView) -> Void)?

    /// An intermediate result of the forward pass.
    package enum Activation: Hashable, Sendable {
        /// The residual stream before a layer, [own rows of the prefill, D]; behind the last layer, whose index is the number
        /// of layers, only each prefix's last row [B, D].
        case residualStream(layer: Int)
        /// The logits of a step, [B, own V].
        case logits
    }

    /// - Parameters:
    ///   - slice: what this rank decodes with.
    ///   - cut: how prefills are cut among the group.
    ///   - onActivation: takes intermediate results as they are computed; the view is only good during the call.
    package init(
        weights: ModelWeights, configuration: ModelConfiguration, slice: TextSlice,
        group: any TensorParallelGroup, team: ThreadTeam, kernels: Kernels = .current,
        cut: PrefillCut = PrefillCut(), onActivation: ((Activation, MatrixView) -> Void)? = nil
    ) {
        _ = BLAS.prepared
        self.cut = cut
        self.onActivation = onActivation
        self.configuration = configuration.text
        tokensPerPicture = configuration.vision.tokens
        endTokens = configuration.endTokens.map(Int32.init)
        imageToken = Int32(configuration.imageToken)
        self.weights = weights.text
        projector = weights.projector
        self.slice = slice
        self.group = group
        self.team = team
        self.kernels = kernels
        linear = Linear(team: team, kernels: kernels, activations: weights.activations, meter: meter)
        scoreRule = configuration.text.scoreRule
        embeddingScale = Float(configuration.text.width).squareRoot()
        attention = TiledAttention(team: team, kernels: kernels, rule: scoreRule, phase: .prefill, meter: meter)
        rotary = RotaryTable(configuration.text)
    }

    /// Checks the int8 weights that this rank multiplies with, and prepares them; does nothing where there are none.
    ///
    /// - Throws: ``ModelError`` with the code `quantized` where their file is damaged.
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
        for weight in used { try weight.quantized?.prepare(kernels: linear.kernels, team: linear.team) }
    }

    /// Returns the bytes of this rank's KV cache for `positions` of one sequence.
    package static func cacheBytes(positions: Int, configuration: TextConfiguration, slice: TextSlice) -> Int {
        let width = slice.keyValueHeads(configuration).count * configuration.headWidth
        return configuration.layers * 2 * positions * width * MemoryLayout<Float>.size
    }
}

// MARK: - Steps that prefill and decoding share

extension Gemma {
    /// Returns the row of the rotary table for a position of a sequence, from 0. The reference counts from 1; only
    /// differences matter to the model, and counting alike makes the roundings of large angles equal.
    func rotaryPosition(_ position: Int) -> Int { position + 1 }

    /// x [D] = embedding(token) · √D
    func embed(_ token: Int32, into x: UnsafeMutablePointer<Float>) {
        let embedding = weights.embedding
        kernels.table.pointee.widen(
            embedding.element.code, embedding.row(Int(token)), x, configuration.width)
        kernels.table.pointee.scale(x, embeddingScale, configuration.width)
    }

    /// out [T, D] = x [T, D] · rsqrt(mean(x²) + epsilon) · (1 + weight)
    func rmsNorm(_ x: MatrixView, _ weight: [Float], into out: MatrixView) {
        team.rows(x.rows) { [kernels, configuration] range in
            kernels.rmsNorm(x.rows(range), weight: weight, epsilon: configuration.normEpsilon, into: out.rows(range))
        }
    }

    /// x [T, D] += branch [T, D], where the model has a norm behind its branches (Gemma 2) through that norm. The branch's
    /// memory is overwritten.
    func addResidual(_ branch: MatrixView, norm: [Float]?, to x: MatrixView) {
        team.rows(x.rows) { [kernels, configuration] range in
            let part = branch.rows(range)
            if let norm {
                kernels.rmsNorm(part, weight: norm, epsilon: configuration.normEpsilon, into: part)
            }
            kernels.add(x.rows(range), part)
        }
    }

    /// out [T, D] = (gelu(x · gateᵀ) * (x · upᵀ)) · downᵀ over some columns of the MLP, part by part.
    ///
    /// - Parameters:
    ///   - parts: consecutive ranges of 0..<F.
    ///   - x: the normed residual stream, [T, D].
    ///   - hidden: memory for the longest part, [T, …].
    func feedForward(
        _ layer: TextLayerWeights, parts: [Range<Int>], _ x: MatrixView, hidden: MatrixView, into out: MatrixView,
        context: ProductContext
    ) {
        for (index, part) in parts.enumerated() {
            let view = hidden.compact(columns: part.count)
            linear.gated(
                x, gate: layer.gate.outputs(part), up: layer.up.outputs(part), into: view, context: context)
            linear(view, layer.down.inputs(part), into: out, accumulate: index > 0, context: context)
        }
    }

    /// Cuts the columns of the MLP into the parts in which the rows of a prefill go through them: what the first two products
    /// leave is still in cache when the third reads it (8 MB of 1024 rows). int8 weights are not cut, because their scales
    /// are made for the whole.
    package static func prefillParts(of columns: Range<Int>, quantized: Bool) -> [Range<Int>] {
        let count = quantized ? 1 : max(1, (columns.count + 2047) / 2048)
        return (0..<count).map { part in
            let first = columns.lowerBound + columns.count * part / count
            return first..<columns.lowerBound + columns.count * (part + 1) / count
        }
    }
}
