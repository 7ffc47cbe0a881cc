import Tensor

/// Buffers of a prefill, kept for the next one.
final class PrefillBuffers {
    private let split: PrefillCut.Split
    let stream: Matrix  // [own, D]
    let normed: Matrix  // [own, D]
    let query: Matrix  // [own, N·H]
    let mixed: Matrix  // [own, N·H]
    /// [chunk, D], what a layer's branch adds, where a norm stands before the sum.
    let branch: Matrix
    let ownKeyValue: Matrix  // [own, 2·K·H], keys before values
    /// [T, 2·K·H], all ranks' rows. A layer's arrive while the one before still attends to its own, packed copies.
    let keyValue: Matrix
    /// The columns of the MLP that this rank multiplies with: all of them by rows, its own by columns.
    let parts: [Range<Int>]
    /// [chunk, longest part] by rows; [block, longest part] by columns.
    let hidden: Matrix

    // By columns only.
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
        stream = Matrix(rows: own, columns: width)
        normed = Matrix(rows: own, columns: width)
        query = Matrix(rows: own, columns: configuration.queryWidth)
        mixed = Matrix(rows: own, columns: configuration.queryWidth)
        branch = Matrix(rows: configuration.hasOutputNorms ? chunk : 0, columns: width)
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

    func fits(_ rows: PrefillRows, rank: Int) -> Bool {
        let chunk = rows.longestChunk(of: rank)
        guard
            rows.split == split, rows.total <= keyValue.view.rows,
            rows.owned(by: rank).count <= stream.view.rows,
            branch.view.rows == 0 || chunk <= branch.view.rows
        else { return false }
        switch split {
        case .rows: return chunk <= hidden.view.rows
        case .columns:
            return rows.longestBlock <= hidden.view.rows && rows.ranks * chunk <= evenReceived.view.rows
        }
    }
}

/// One prefill under way: which rows, their buffers, and what is being transferred.
struct PrefillPass {
    let packed: PackedPrefixes
    let rows: PrefillRows
    /// This rank's rows.
    let own: Range<Int>
    let buffers: PrefillBuffers
    /// Of each block: keys and values, normed rows and sums of the MLP on their way.
    var keysAndValues: [(any PendingTransfer)?]
    var gathers: [(any PendingTransfer)?]
    var sums: [(any PendingTransfer)?]
    /// Of all rows.
    private let adapters: RowAdapters
    /// Sequences whose features did not arrive whole.
    var damaged: Set<Int> = []

    init(packed: PackedPrefixes, rows: PrefillRows, own: Range<Int>, buffers: PrefillBuffers) {
        self.packed = packed
        self.rows = rows
        self.own = own
        self.buffers = buffers
        adapters = RowAdapters(zip(packed.sequences, packed.ranges).map { ($0.adapter, $1.count) })
        keysAndValues = Array(repeating: nil, count: rows.blocks)
        gathers = Array(repeating: nil, count: rows.blocks)
        sums = Array(repeating: nil, count: rows.blocks)
    }

    /// Views of own rows, named by their place in the whole prefill.
    func x(_ chunk: Range<Int>) -> MatrixView { view(buffers.stream.view, chunk) }
    func normed(_ chunk: Range<Int>) -> MatrixView { view(buffers.normed.view, chunk) }
    func query(_ chunk: Range<Int>) -> MatrixView { view(buffers.query.view, chunk) }
    func mixed(_ chunk: Range<Int>) -> MatrixView { view(buffers.mixed.view, chunk) }
    func ownKeyValue(_ chunk: Range<Int>) -> MatrixView { view(buffers.ownKeyValue.view, chunk) }

    private func view(_ matrix: MatrixView, _ chunk: Range<Int>) -> MatrixView {
        matrix.rows(chunk.lowerBound - own.lowerBound..<chunk.upperBound - own.lowerBound)
    }

    /// Keys and values of all rows.
    var keyValue: MatrixView { buffers.keyValue.view.rows(0..<rows.total) }

    /// All ranks' normed rows of a block.
    func gathered(_ block: Int) -> MatrixView {
        let start = (0..<block).reduce(0) { $0 + rows.rows(of: $1) }
        return buffers.gathered.view.rows(start..<start + rows.rows(of: block))
    }

    func adapters(_ rows: Range<Int>) -> RowAdapters { adapters.rows(rows) }

    /// Of all ranks' rows of a block.
    func gatheredAdapters(_ block: Int) -> RowAdapters {
        var result = RowAdapters.none
        for (rank, place) in rows.placed(block).enumerated() {
            result.append(adapters, rows: rows.chunk(block, of: rank), at: place.lowerBound)
        }
        return result
    }

    func partial(_ block: Int) -> MatrixView {
        (block % 2 == 0 ? buffers.evenPartial.view : buffers.oddPartial.view).rows(0..<rows.rows(of: block))
    }

    func received(_ block: Int, rows count: Int) -> MatrixView {
        (block % 2 == 0 ? buffers.evenReceived.view : buffers.oddReceived.view).rows(0..<rows.ranks * count)
    }
}
