import Tensor

/// What decoding writes into, kept from step to step: a step allocates no matrix.
final class DecodeBuffers {
    /// Sequences that there is room for.
    let capacity: Int
    private let stream: Matrix  // [B, D]
    private let normed: Matrix  // [B, D]
    private let key: Matrix  // [B, own K·H]
    private let value: Matrix  // [B, own K·H]
    private let query: Matrix  // [B, own N·H]
    private let mixed: Matrix  // [B, own N·H]
    private let hidden: Matrix  // [B, own F]
    private let partial: Matrix  // [B, D]
    private let pieces: Matrix  // [ranks · B, D]
    private let logits: Matrix  // [B, own V]
    private let candidate: Matrix  // [B, 4]
    private let candidates: Matrix  // [ranks · B, 4]
    /// Attention's tasks and what they leave; see CacheAttention.swift.
    var attention = CacheAttention()

    init(capacity: Int, ranks: Int, _ configuration: TextConfiguration, _ slice: TextSlice) {
        self.capacity = capacity
        let (width, head) = (configuration.width, configuration.headWidth)
        let kept = slice.keyValueHeads(configuration).count * head
        let asked = slice.queryHeads.count * head
        stream = Matrix(rows: capacity, columns: width)
        normed = Matrix(rows: capacity, columns: width)
        key = Matrix(rows: capacity, columns: kept)
        value = Matrix(rows: capacity, columns: kept)
        query = Matrix(rows: capacity, columns: asked)
        mixed = Matrix(rows: capacity, columns: asked)
        hidden = Matrix(rows: capacity, columns: slice.mlp.count)
        partial = Matrix(rows: capacity, columns: width)
        pieces = Matrix(rows: ranks * capacity, columns: width)
        logits = Matrix(rows: capacity, columns: slice.vocabulary.count)
        candidate = Matrix(rows: capacity, columns: Candidate.width)
        candidates = Matrix(rows: ranks * capacity, columns: Candidate.width)
    }

    func x(_ rows: Int) -> MatrixView { stream.view.rows(0..<rows) }
    func normed(_ rows: Int) -> MatrixView { normed.view.rows(0..<rows) }
    func key(_ rows: Int) -> MatrixView { key.view.rows(0..<rows) }
    func value(_ rows: Int) -> MatrixView { value.view.rows(0..<rows) }
    func query(_ rows: Int) -> MatrixView { query.view.rows(0..<rows) }
    func mixed(_ rows: Int) -> MatrixView { mixed.view.rows(0..<rows) }
    func hidden(_ rows: Int) -> MatrixView { hidden.view.rows(0..<rows) }
    func partial(_ rows: Int) -> MatrixView { partial.view.rows(0..<rows) }
    func pieces(_ rows: Int) -> MatrixView { pieces.view.rows(0..<rows) }
    func logits(_ rows: Int) -> MatrixView { logits.view.rows(0..<rows) }
    func candidate(_ rows: Int) -> MatrixView { candidate.view.rows(0..<rows) }
    func candidates(_ rows: Int) -> MatrixView { candidates.view.rows(0..<rows) }
}

extension Gemma {
    /// The buffers, with room for so many sequences.
    func decodeBuffers(for sequences: Int) -> DecodeBuffers {
        if let kept = keptDecodeBuffers, kept.capacity >= sequences { return kept }
        keptDecodeBuffers = nil  // the smaller ones go before the larger ones come
        let buffers = DecodeBuffers(
            capacity: (sequences + 7) / 8 * 8, ranks: group.count, configuration, slice)
        keptDecodeBuffers = buffers
        return buffers
    }
}
