import CKernels
import COpenBLAS

/// softmax(scale · q · kᵀ) · v without a mask, in tiles of keys that stay in cache, softmax on the fly: the running
/// maximum and sum of each row follow the tiles, and what was summed under an older maximum is scaled down.
///
/// Both towers attend this way over whole pictures and prefixes, for a prefix sees all of itself in both directions.
struct TiledAttention {
    /// One head, some of its queries: q and out [T, H], k and v [S, H], each with a stride of its own.
    struct Block: Sendable {
        let query: MatrixView
        let key: MatrixView
        let value: MatrixView
        let out: MatrixView
    }

    /// Rows of scores that one task works on.
    static let queryRows = 128

    let team: ThreadTeam
    let kernels: Kernels
    let scale: Float
    let meter: OperationMeter

    init(team: ThreadTeam, kernels: Kernels = .current, scale: Float, meter: OperationMeter) {
        self.team = team
        self.kernels = kernels
        self.scale = scale
        self.meter = meter
    }

    /// Attends all blocks, each on one thread.
    func callAsFunction(_ blocks: [Block]) {
        let start = Timeline.now()
        team.run(blocks.count) { task, thread in attend(blocks[task], thread: thread) }
        let operations = blocks.reduce(0) { $0 + 4 * $1.query.rows * $1.key.rows * $1.query.columns }
        meter.record(.attention, from: start, operations: Double(operations))
    }

    private func attend(_ block: Block, thread: Int) {
        let (rows, keys, width) = (block.query.rows, block.key.rows, block.query.columns)
        guard rows > 0, keys > 0 else { return }
        let tile = min(keys, max(64, min(512, 65536 / width)))
        let memory = team.scratch(thread: thread, count: rows * (tile + 2))
        let maximum = memory + rows * tile
        let sum = maximum + rows
        maximum.update(repeating: -.infinity, count: rows)
        sum.update(repeating: 0, count: rows)

        for start in stride(from: 0, to: keys, by: tile) {
            let count = min(tile, keys - start)
            let scores = MatrixView(base: memory, rows: rows, columns: count, stride: tile)
            product(block.query, block.key.rows(start..<start + count), into: scores)
            for row in 0..<rows {
                let correction = kernels.table.pointee.softmax_tile(
                    scores.row(row), count, scale, maximum + row, sum + row)
                if start > 0, correction != 1 { kernels.table.pointee.scale(block.out.row(row), correction, width) }
            }
            mix(scores, block.value.rows(start..<start + count), into: block.out, accumulate: start > 0)
        }
        for row in 0..<rows { kernels.table.pointee.scale(block.out.row(row), 1 / sum[row], width) }
    }

    /// scores [T, S] = q [T, H] · kᵀ
    private func product(_ query: MatrixView, _ key: MatrixView, into scores: MatrixView) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, blasint(query.rows), blasint(key.rows), blasint(query.columns), 1,
            query.base, blasint(query.stride), key.base, blasint(key.stride), 0, scores.base, blasint(scores.stride))
    }

    /// out [T, H] = or += scores [T, S] · v [S, H]
    private func mix(_ scores: MatrixView, _ value: MatrixView, into out: MatrixView, accumulate: Bool) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(scores.rows), blasint(value.columns),
            blasint(value.rows), 1, scores.base, blasint(scores.stride), value.base, blasint(value.stride),
            accumulate ? 1 : 0, out.base, blasint(out.stride))
    }
}

extension ThreadTeam {
    /// Calls `body` for ranges of rows that together are 0..<count, on all threads.
    func rows(_ count: Int, by size: Int = 32, _ body: @Sendable (Range<Int>) -> Void) {
        run((count + size - 1) / size) { task, _ in body(task * size..<min(count, (task + 1) * size)) }
    }
}
