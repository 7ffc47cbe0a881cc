import Tensor

/// The buffers of a prefill, kept for the next one.
final class PrefillBuffers {
    private let split: PrefillCut.Split
    let residual: Matrix  // [own, D]
    let normed: Matrix  // [own, D]
    let query: Matrix  // [own, N·H]
    let attentionOutput: Matrix  // [own, N·H]
    /// What a branch of a layer adds to the residual stream, [chunk, D].
    let branch: Matrix
    let ownKeyValue: Matrix  // [own, 2·K·H], keys before values
    /// Keys and values of all ranks' rows, [T, 2·K·H]. Those of a layer arrive while the layer before it still attends to
    /// packed copies of its own.
    let keyValue: Matrix
    /// The columns of the MLP that this rank multiplies with, part by part: all of them, or its own (column parallel).
    let parts: [Range<Int>]
    /// [chunk, longest part], or [block, longest part] (column parallel).
    let hidden: Matrix

    // Column parallel only.
    let gathered: Matrix  // [T, D], block after block
    // Even and odd blocks: one is on its way while the other is computed.
    let evenPartial: Matrix  // [block, D]
    let oddPartial: Matrix  // [block, D]
    let evenReceived: Matrix  // [ranks · chunk, D]
    let oddReceived: Matrix  // [ranks · chunk, D]

    init(_ rows: PrefillRows, rank: Int, _ configuration: TextConfiguration, _ slice: TextSlice, quantized: Bool) {
        split = rows.split
        let own = rows.owned(by: rank).count
        let chunk = rows.longestChunk(of: rank)
        let width = configuration.width
        residual = Matrix(rows: own, columns: width)
        normed = Matrix(rows: own, columns: width)
        query = Matrix(rows: own, columns: configuration.queryWidth)
        attentionOutput = Matrix(rows: own, columns: configuration.queryWidth)
        branch = Matrix(rows: chunk, columns: width)
        ownKeyValue = Matrix(rows: own, columns: 2 * configuration.keyValueWidth)
        keyValue = Matrix(rows: rows.total, columns: 2 * configuration.keyValueWidth)
        let byColumns = split == .columns
        parts = Gemma.prefillParts(
            of: byColumns ? slice.mlp : 0..<configuration.mlpWidth, quantized: quantized)
        hidden = Matrix(
            rows: byColumns ? rows.longestBlock : chunk, columns: parts.map(\.count).max() ?? 0)
        gathered = Matrix(rows: byColumns ? rows.total : 0, columns: width)
        evenPartial = Matrix(rows: byColumns ? rows.longestBlock : 0, columns: width)
        oddPartial = Matrix(rows: byColumns ? rows.longestBlock : 0, columns: width)
        evenReceived = Matrix(rows: byColumns ? rows.ranks * chunk : 0, columns: width)
        oddReceived = Matrix(rows: byColumns ? rows.ranks * chunk : 0, columns: width)
    }

    /// Returns whether a prefill of these rows has room in the buffers.
    func fits(_ rows: PrefillRows, rank: Int) -> Bool {
        let chunk = rows.longestChunk(of: rank)
        guard
            rows.split == split, rows.total <= keyValue.view.rows,
            rows.owned(by: rank).count <= residual.view.rows, chunk <= branch.view.rows
        else { return false }
        switch split {
        case .rows: return chunk <= hidden.view.rows
        case .columns:
            return rows.longestBlock <= hidden.view.rows && rows.ranks * chunk <= evenReceived.view.rows
        }
    }
}
