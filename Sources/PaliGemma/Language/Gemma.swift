/// Gemma, one rank's part of it: prefixes in, tokens out, greedily.
///
///     B sequences, T rows, D width, N query heads, K key/value heads, H head width, F MLP width, V vocabulary
///
/// A prefix goes through the layers by rows (``prefill(_:features:)``, GemmaPrefill.swift), the tokens after it by
/// heads and columns (``decode(_:steps:)``, GemmaDecode.swift). Both split the MLP by columns.
package final class Gemma {
    let configuration: TextConfiguration
    let tokensPerPicture: Int
    let endToken: Int
    let weights: TextWeights
    let projector: DenseWeights
    let slice: TextSlice
    let group: any TensorParallelGroup
    let team: ThreadTeam
    let kernels: Kernels
    let linear: Linear
    let attention: TiledAttention
    package let meter = OperationMeter(phase: .prefill)
    let rotary: RotaryTable
    /// 1 / √H
    let queryScale: Float
    /// √D, by which the embedding of a text token (not a picture's features) is multiplied.
    let embeddingScale: Float
    /// How a prefill is cut among the group.
    let cut: PrefillCut
    var keptPrefillBuffers: PrefillBuffers?
    var keptDecodeBuffers: DecodeBuffers?
    /// Called with a name and rows after the embedding ("embedding"), each layer ("layer i", own rows; the last layer
    /// only with each prefix's last row) and the output head ("logits", own columns), for tests.
    package var observer: ((String, MatrixView) -> Void)?

    package init(
        weights: ModelWeights, configuration: ModelConfiguration, slice: TextSlice,
        group: any TensorParallelGroup, team: ThreadTeam, kernels: Kernels = .current,
        cut: PrefillCut = PrefillCut()
    ) {
        _ = BLAS.prepared
        self.cut = cut
        self.configuration = configuration.text
        tokensPerPicture = configuration.vision.tokens
        endToken = configuration.endToken
        self.weights = weights.text
        projector = weights.projector
        self.slice = slice
        self.group = group
        self.team = team
        self.kernels = kernels
        linear = Linear(team: team, kernels: kernels, meter: meter)
        queryScale = 1 / Float(configuration.text.headWidth).squareRoot()
        embeddingScale = Float(configuration.text.width).squareRoot()
        attention = TiledAttention(team: team, kernels: kernels, scale: queryScale, meter: meter)
        rotary = RotaryTable(configuration.text)
    }

    /// Bytes of this rank's cache for one sequence.
    package static func cacheBytes(positions: Int, configuration: TextConfiguration, slice: TextSlice) -> Int {
        let width = slice.keyValueHeads(configuration).count * configuration.headWidth
        return configuration.layers * 2 * positions * width * MemoryLayout<Float>.size
    }

    // MARK: Steps that prefill and decoding share

    /// The row of the rotary table for a 0-based place in the sequence. The reference counts from 1; only
    /// differences matter to the model, and counting alike makes the roundings of large angles equal.
    func rotaryPosition(_ place: Int) -> Int { place + 1 }

    /// x = embedding(token) · √D
    func embed(_ token: Int32, into x: UnsafeMutablePointer<Float>) {
        let embedding = weights.embedding
        kernels.table.pointee.widen(
            embedding.element.code, embedding.row(Int(token)), x, configuration.width)
        kernels.table.pointee.scale(x, embeddingScale, configuration.width)
    }

    func rmsNorm(_ x: MatrixView, _ weight: [Float], into out: MatrixView) {
        team.rows(x.rows) { [kernels, configuration] range in
            kernels.rmsNorm(x.rows(range), weight: weight, epsilon: configuration.normEpsilon, into: out.rows(range))
        }
    }

    /// partial [T, D] = this rank's columns of down(gelu(gate(normed)) · up(normed)); the group's sum is the MLP.
    func feedForward(_ layer: TextLayerWeights, _ normed: MatrixView, hidden: MatrixView, into partial: MatrixView) {
        linear.gated(normed, gate: layer.gate.outputs(slice.mlp), up: layer.up.outputs(slice.mlp), into: hidden)
        linear(hidden, layer.down.inputs(slice.mlp), into: partial)
    }
}
