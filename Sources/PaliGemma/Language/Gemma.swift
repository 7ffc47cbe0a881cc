import Tensor

/// Gemma, one rank's part of it: prefixes in, tokens out.
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
    let scoreRule: ScoreRule
    /// √D, by which the embedding of a text token (not a picture's features) is multiplied.
    let embeddingScale: Float
    /// How a prefill is cut among the group.
    let cut: PrefillCut
    var keptPrefillBuffers: PrefillBuffers?
    var keptDecodeBuffers: DecodeBuffers?
    /// Every rank's part of the vocabulary, once somebody asked (HeadQuestions.swift).
    var keptVocabularies: [Range<Int>]?
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
        scoreRule = configuration.text.scoreRule
        embeddingScale = Float(configuration.text.width).squareRoot()
        attention = TiledAttention(team: team, kernels: kernels, rule: scoreRule, meter: meter)
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

    /// x += branch, by way of the branch's norm. The branch's memory holds what was added.
    func add(_ branch: MatrixView, normedBy norm: [Float], to x: MatrixView) {
        team.rows(x.rows) { [kernels, configuration] range in
            let part = branch.rows(range)
            kernels.rmsNorm(part, weight: norm, epsilon: configuration.normEpsilon, into: part)
            kernels.add(x.rows(range), part)
        }
    }

    /// out [T, D] = or += down(gelu(gate(normed)) * up(normed)), over some columns of the MLP, part by part.
    ///
    /// - Parameters:
    ///   - hidden: [T, …], with room for the longest part.
    ///   - adapters: of the rows.
    func feedForward(
        _ layer: TextLayerWeights, parts: [Range<Int>], _ normed: MatrixView, hidden: MatrixView,
        into out: MatrixView, accumulate: Bool, adapters: RowAdapters
    ) {
        for (index, part) in parts.enumerated() {
            let view = hidden.compact(columns: part.count)
            linear.gated(
                normed, gate: layer.gate.outputs(part), up: layer.up.outputs(part), into: view, adapters: adapters)
            linear(
                view, layer.down.inputs(part), into: out, accumulate: accumulate || index > 0, adapters: adapters)
        }
    }

    /// The columns of the MLP as the rows of a prefill go through them, part by part: what the first two products leave
    /// is still in cache when the third reads it (8 MB of 1024 rows). Weights of eight bits go whole: their scales are
    /// made for it.
    package static func prefillParts(of columns: Range<Int>, quantized: Bool) -> [Range<Int>] {
        let count = quantized ? 1 : max(1, (columns.count + 2047) / 2048)
        return (0..<count).map { part in
            let first = columns.lowerBound + columns.count * part / count
            return first..<columns.lowerBound + columns.count * (part + 1) / count
        }
    }
}
