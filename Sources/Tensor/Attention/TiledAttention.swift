import Base
import CKernels

/// Flash attention: softmax(rule(q · kᵀ)) · v in tiles of keys that stay in cache, with an online softmax. The running
/// maximum and sum of each row follow the tiles, and what was summed under an older maximum is scaled down, so that all
/// scores are never stored.
///
/// There is no mask. Both towers attend this way over whole pictures and whole prefixes, because a prefix sees all of itself
/// in both directions. Keys and values are packed once for all queries (``prepare(_:)``); then queries attend, block by block.
package final class TiledAttention: @unchecked Sendable {
    // @unchecked: `prepare` and the call are made by the team's leader; threads write panels and rows of their own.

    /// Keys and values of one head of one sequence: [S, H] each, with a stride of its own.
    package struct Head: Sendable {
        let key: MatrixView
        let value: MatrixView

        package init(key: MatrixView, value: MatrixView) {
            self.key = key
            self.value = value
        }
    }

    /// Some queries of one head, and where their outputs go: [T, H] each.
    package struct Block: Sendable {
        /// The index of the prepared head.
        let head: Int
        let query: MatrixView
        let out: MatrixView

        package init(head: Int, query: MatrixView, out: MatrixView) {
            self.head = head
            self.query = query
            self.out = out
        }
    }

    /// The rows of queries that one task works on: a multiple of the rows of every register tile.
    package static let queryRows = 96
    /// The rows whose scores stay in the first cache between the two products.
    private static let scoreRows = 24

    /// Heads whose keys and values are packed: good until the next ``prepare(_:)``, which takes the same memory.
    package struct PackedHeads: Sendable {
        fileprivate let panels: [Panels]
    }

    /// Where the panels of a packed head's tiles begin.
    fileprivate struct Panels: @unchecked Sendable {
        // @unchecked: each panel is written by one task, and read after the region.
        let keys: Int
        let width: Int
        let tile: Int
        let first: UnsafeMutablePointer<Float>
        let keyFloats: Int
        let tileFloats: Int

        var tiles: Int { (keys + tile - 1) / tile }
        func range(_ index: Int) -> Range<Int> { index * tile..<min(keys, (index + 1) * tile) }
        func keyPanel(_ index: Int) -> UnsafeMutablePointer<Float> { first + index * tileFloats }
        func valuePanel(_ index: Int) -> UnsafeMutablePointer<Float> { first + index * tileFloats + keyFloats }
    }

    private let team: ThreadTeam
    private let kernels: Kernels
    private let rule: ScoreRule
    private let phase: OperationMeter.Phase
    private let meter: OperationMeter
    private var memory = Matrix(rows: 0, columns: 0)

    /// - Parameter phase: the part of the forward pass that the time is counted for.
    package init(
        team: ThreadTeam, kernels: Kernels = .current, rule: ScoreRule, phase: OperationMeter.Phase,
        meter: OperationMeter
    ) {
        self.team = team
        self.kernels = kernels
        self.rule = rule
        self.phase = phase
        self.meter = meter
    }

    /// Packs keys and values for the blocks that attend to them; the originals may be overwritten afterwards.
    package func prepare(_ heads: [Head]) -> PackedHeads {
        let start = Timeline.now()
        let panels = place(heads)
        let tiles = panels.indices.flatMap { head in (0..<panels[head].tiles).map { (head, $0) } }
        team.run(tiles.count) { [kernels] task, _ in
            let (index, tile) = tiles[task]
            let (head, panel) = (heads[index], panels[index])
            let (key, value) = (head.key.rows(panel.range(tile)), head.value.rows(panel.range(tile)))
            kernels.table.pointee.pack(
                PG_FLOAT32, key.base, key.rows, key.columns, key.stride, panel.keyPanel(tile))
            kernels.table.pointee.pack_columns(
                value.base, value.rows, value.columns, value.stride, panel.valuePanel(tile))
        }
        meter.record(.attention, in: phase, from: start, operations: 0)
        return PackedHeads(panels: panels)
    }

    /// Computes attention for all blocks, each on one thread.
    ///
    /// - Parameter heads: what the blocks' indices of heads refer to.
    package func callAsFunction(_ blocks: [Block], over heads: PackedHeads) {
        let (start, panels) = (Timeline.now(), heads.panels)
        team.run(blocks.count) { task, thread in
            attend(blocks[task], panels[blocks[task].head], thread: thread)
        }
        let operations = blocks.reduce(0) { $0 + 4 * $1.query.rows * panels[$1.head].keys * $1.query.columns }
        meter.record(.attention, in: phase, from: start, operations: Double(operations))
    }

    /// Finds room for the panels of all heads.
    private func place(_ heads: [Head]) -> [Panels] {
        var total = 0
        let sizes = heads.map { head -> (tile: Int, keyFloats: Int, tileFloats: Int, offset: Int) in
            let (keys, width, group) = (head.key.rows, head.key.columns, kernels.tileOutputs)
            let tile = max(1, min(480, 61440 / max(1, width)) / group) * group
            let keyFloats = kernels.panelFloats(outputs: min(tile, keys), inputs: width)
            let tileFloats = keyFloats + kernels.panelFloats(outputs: width, inputs: min(tile, keys))
            defer { total += (keys + tile - 1) / tile * tileFloats }
            return (tile, keyFloats, tileFloats, total)
        }
        if memory.view.columns < total {
            memory = Matrix(rows: 0, columns: 0)  // the smaller one goes before the larger one comes
            memory = Matrix(rows: 1, columns: total)
        }
        return zip(heads, sizes).map { head, size in
            Panels(
                keys: head.key.rows, width: head.key.columns, tile: size.tile, first: memory.view.base + size.offset,
                keyFloats: size.keyFloats, tileFloats: size.tileFloats)
        }
    }

    private func attend(_ block: Block, _ panel: Panels, thread: Int) {
        let (rows, width) = (block.query.rows, block.query.columns)
        precondition(width == panel.width && block.out.columns == width && block.out.rows == rows)
        guard rows > 0, panel.keys > 0 else { return }
        let scratch = team.scratch(thread: thread, count: Self.scoreRows * panel.tile + 2 * rows)
        let maximum = scratch + Self.scoreRows * panel.tile
        let sum = maximum + rows
        maximum.update(repeating: -.infinity, count: rows)
        sum.update(repeating: 0, count: rows)

        for tile in 0..<panel.tiles {
            for start in stride(from: 0, to: rows, by: Self.scoreRows) {
                let part = start..<min(rows, start + Self.scoreRows)
                let scores = MatrixView(base: scratch, rows: part.count, columns: panel.range(tile).count)
                kernels.multiply(
                    pg_product(block.query.rows(part), panel: panel.keyPanel(tile), scores, accumulate: false))
                let factor = rule.apply(to: scores, kernels: kernels)
                for row in part {
                    let correction = kernels.table.pointee.softmax_tile(
                        scores.row(row - start), scores.columns, factor, maximum + row, sum + row)
                    if tile > 0, correction != 1 { kernels.table.pointee.scale(block.out.row(row), correction, width) }
                }
                kernels.multiply(
                    pg_product(scores, panel: panel.valuePanel(tile), block.out.rows(part), accumulate: tile > 0))
            }
        }
        for row in 0..<rows { kernels.table.pointee.scale(block.out.row(row), 1 / sum[row], width) }
    }
}
