import Tensor

/// The buffers of decoding, kept from step to step: a step allocates no matrix.
final class DecodeBuffers {
    /// The number of rows that there is room for.
    let capacity: Int
    private let residual: Matrix  // [B, D]
    private let normed: Matrix  // [B, D]
    private let key: Matrix  // [B, own K·H]
    private let value: Matrix  // [B, own K·H]
    private let query: Matrix  // [B, own N·H]
    private let attentionOutput: Matrix  // [B, own N·H]
    private let hidden: Matrix  // [B, own F]
    private let partial: Matrix  // [B, D]
    private let partials: Matrix  // [ranks · B, D]
    private let logits: Matrix  // [B, own V]
    private let candidate: Matrix  // [B, 4]
    private let candidates: Matrix  // [ranks · B, 4]
    /// The tasks of attention and their partial results.
    var attention = DecodeAttention()

    init(capacity: Int, ranks: Int, _ configuration: TextConfiguration, _ slice: TextSlice) {
        self.capacity = capacity
        let (width, head) = (configuration.width, configuration.headWidth)
        let keyValueWidth = slice.keyValueHeads(configuration).count * head
        let queryWidth = slice.queryHeads.count * head
        residual = Matrix(rows: capacity, columns: width)
        normed = Matrix(rows: capacity, columns: width)
        key = Matrix(rows: capacity, columns: keyValueWidth)
        value = Matrix(rows: capacity, columns: keyValueWidth)
        query = Matrix(rows: capacity, columns: queryWidth)
        attentionOutput = Matrix(rows: capacity, columns: queryWidth)
        hidden = Matrix(rows: capacity, columns: slice.mlp.count)
        partial = Matrix(rows: capacity, columns: width)
        partials = Matrix(rows: ranks * capacity, columns: width)
        logits = Matrix(rows: capacity, columns: slice.vocabulary.count)
        candidate = Matrix(rows: capacity, columns: TokenCandidate.width)
        candidates = Matrix(rows: ranks * capacity, columns: TokenCandidate.width)
    }

    func x(_ rows: Int) -> MatrixView { residual.view.rows(0..<rows) }
    func normed(_ rows: Int) -> MatrixView { normed.view.rows(0..<rows) }
    func key(_ rows: Int) -> MatrixView { key.view.rows(0..<rows) }
    func value(_ rows: Int) -> MatrixView { value.view.rows(0..<rows) }
    func query(_ rows: Int) -> MatrixView { query.view.rows(0..<rows) }
    func attentionOutput(_ rows: Int) -> MatrixView { attentionOutput.view.rows(0..<rows) }
    func hidden(_ rows: Int) -> MatrixView { hidden.view.rows(0..<rows) }
    func partial(_ rows: Int) -> MatrixView { partial.view.rows(0..<rows) }
    func partials(_ rows: Int) -> MatrixView { partials.view.rows(0..<rows) }
    func logits(_ rows: Int) -> MatrixView { logits.view.rows(0..<rows) }
    func candidate(_ rows: Int) -> MatrixView { candidate.view.rows(0..<rows) }
    func candidates(_ rows: Int) -> MatrixView { candidates.view.rows(0..<rows) }
}

extension Gemma {
    /// Returns the buffers, with room for `rows` rows.
    func decodeBuffers(for rows: Int) -> DecodeBuffers {
        if let kept = keptDecodeBuffers, kept.capacity >= rows { return kept }
        keptDecodeBuffers = nil  // the smaller ones go before the larger ones come
        let buffers = DecodeBuffers(
            capacity: (rows + 7) / 8 * 8, ranks: group.count, configuration, slice)
        keptDecodeBuffers = buffers
        return buffers
    }
}
