import Tensor

/// One prefill under way: which rows, their buffers, and what is being transferred. A chunk is a part of this rank's rows; a
/// block is that chunk of every rank.
final class PrefillPass {
    let packed: PackedPrefixes
    let rows: PrefillRows
    /// This rank's rows, as rows of the whole prefill.
    let own: Range<Int>
    let buffers: PrefillBuffers
    let pipeline: ChunkPipeline
    private let rank: Int
    /// The adapters of all rows.
    private let adapters: RowAdapters
    /// Keys and values of each block on their way to all ranks.
    let keysAndValues: PendingCollectives
    /// Normed rows of each block on their way to all ranks (column parallel).
    let normedRows: PendingCollectives
    /// Partial sums of the MLP of each block on their way to the rows' owners (column parallel).
    let sums: PendingCollectives
    /// Indices of the sequences whose features did not arrive whole.
    var damaged: Set<Int> = []

    init(packed: PackedPrefixes, rows: PrefillRows, rank: Int, buffers: PrefillBuffers) {
        self.packed = packed
        self.rows = rows
        self.rank = rank
        self.buffers = buffers
        own = rows.owned(by: rank)
        pipeline = ChunkPipeline(chunks: rows.blocks)
        adapters = RowAdapters(zip(packed.sequences, packed.ranges).map { ($0.adapter, $1.count) })
        keysAndValues = PendingCollectives(count: rows.blocks)
        normedRows = PendingCollectives(count: rows.blocks)
        sums = PendingCollectives(count: rows.blocks)
    }

    /// The rows of a chunk, as rows of the whole prefill.
    func range(_ chunk: Int) -> Range<Int> { rows.chunk(chunk, of: rank) }
    /// The rows of every rank's chunk, as rows of the whole prefill.
    func ranges(_ block: Int) -> [Range<Int>] { (0..<rows.ranks).map { rows.chunk(block, of: $0) } }

    // MARK: Own rows, named by their place in the whole prefill, and of one chunk

    func x(rows: Range<Int>) -> MatrixView { view(buffers.residual, rows) }  // [n, D]
    func normed(rows: Range<Int>) -> MatrixView { view(buffers.normed, rows) }  // [n, D]
    func query(rows: Range<Int>) -> MatrixView { view(buffers.query, rows) }  // [n, N·H]
    func attentionOutput(rows: Range<Int>) -> MatrixView { view(buffers.attentionOutput, rows) }  // [n, N·H]

    func x(_ chunk: Int) -> MatrixView { x(rows: range(chunk)) }
    func normed(_ chunk: Int) -> MatrixView { normed(rows: range(chunk)) }
    func attentionOutput(_ chunk: Int) -> MatrixView { attentionOutput(rows: range(chunk)) }
    func ownKeyValue(_ chunk: Int) -> MatrixView { view(buffers.ownKeyValue, range(chunk)) }  // [c, 2·K·H]
    func branch(_ chunk: Int) -> MatrixView { buffers.branch.view.rows(0..<range(chunk).count) }  // [c, D]
    func hidden(_ chunk: Int) -> MatrixView { buffers.hidden.view.rows(0..<range(chunk).count) }  // [c, longest part]

    private func view(_ matrix: borrowing Matrix, _ rows: Range<Int>) -> MatrixView {
        matrix.view.rows(rows.lowerBound - own.lowerBound..<rows.upperBound - own.lowerBound)
    }

    /// Keys and values of all rows of all ranks, [T, 2·K·H].
    var keyValue: MatrixView { buffers.keyValue.view.rows(0..<rows.total) }

    func context(rows: Range<Int>) -> ProductContext { ProductContext(phase: .prefill, adapters: adapters.rows(rows)) }
    func context(_ chunk: Int) -> ProductContext { context(rows: range(chunk)) }

    // MARK: Rows of all ranks (column parallel)

    /// All ranks' normed rows of a block, [block, D].
    func gathered(_ block: Int) -> MatrixView {
        let start = (0..<block).reduce(0) { $0 + rows.rows(of: $1) }
        return buffers.gathered.view.rows(start..<start + rows.rows(of: block))
    }

    /// The context of all ranks' rows of a block, as they stand in ``gathered(_:)``.
    func gatheredContext(_ block: Int) -> ProductContext {
        var result = RowAdapters.none
        for (rank, place) in rows.placed(block).enumerated() {
            result.append(adapters, rows: rows.chunk(block, of: rank), at: place.lowerBound)
        }
        return ProductContext(phase: .prefill, adapters: result)
    }

    /// This rank's partial sums for all rows of a block, [block, D].
    func partial(_ block: Int) -> MatrixView {
        (block % 2 == 0 ? buffers.evenPartial.view : buffers.oddPartial.view).rows(0..<rows.rows(of: block))
    }

    /// All ranks' partial sums for a chunk of own rows, [ranks · c, D].
    func received(_ block: Int) -> MatrixView {
        (block % 2 == 0 ? buffers.evenReceived.view : buffers.oddReceived.view)
            .rows(0..<rows.ranks * range(block).count)
    }
}
