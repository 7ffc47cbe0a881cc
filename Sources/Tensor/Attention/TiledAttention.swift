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
    /// The rows whose scores stay in the cache between the two products: in the first one where they are read in place, in
    /// the second one where they are arranged.
    private var scoreRows: Int { panels.rowGroup > 1 ? 32 : 24 }

    /// Heads whose keys and values are packed: good until the next ``prepare(_:)``, which takes the same memory.
    package struct PackedHeads: Sendable {
        fileprivate let panels: [Panels]
    }

    /// The panels of a packed head: for each tile of keys one of keys, then one of values.
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

        /// Returns the keys of a tile, as many outputs.
        func keys(_ index: Int) -> Panel {
            Panel(base: first + index * tileFloats, outputs: range(index).count, inputs: width, element: .float32)
        }

        /// Returns the values of a tile, whose keys are the inputs.
        func values(_ index: Int) -> Panel {
            Panel(
                base: first + index * tileFloats + keyFloats, outputs: width, inputs: range(index).count,
                element: .float32, isOfColumns: true)
        }
    }

    private let team: ThreadTeam
    private let kernels: Kernels
    private let rule: ScoreRule
    private let phase: OperationMeter.Phase
    private let meter: OperationMeter
    private let panels: any PanelProducts
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
        panels = kernels.panels(for: .float32, .float32)
    }

    /// Packs keys and values for the blocks that attend to them; the originals may be overwritten afterwards.
    package func prepare(_ heads: [Head]) -> PackedHeads {
        let start = Timeline.now()
        let packed = place(heads)
        let tiles = packed.indices.flatMap { head in (0..<packed[head].tiles).map { (head, $0) } }
        team.run(tiles.count) { [panels] task, _ in
            let (index, tile) = tiles[task]
            let (head, own) = (heads[index], packed[index])
            panels.pack(PanelSource(head.key.rows(own.range(tile))), into: own.keys(tile).base)
            panels.packColumns(head.value.rows(own.range(tile)), into: own.values(tile).base)
        }
        meter.record(.attention, in: phase, from: start, operations: 0)
        return PackedHeads(panels: packed)
    }

    /// Computes attention for all blocks, each on one thread.
    ///
    /// - Parameter heads: what the blocks' indices of heads refer to.
    package func callAsFunction(_ blocks: [Block], over heads: PackedHeads) {
        let (start, packed) = (Timeline.now(), heads.panels)
        team.run(blocks.count) { task, thread in
            attend(blocks[task], packed[blocks[task].head], thread: thread)
        }
        let operations = blocks.reduce(0) { $0 + 4 * $1.query.rows * packed[$1.head].keys * $1.query.columns }
        meter.record(.attention, in: phase, from: start, operations: Double(operations))
    }

    /// Finds room for the panels of all heads.
    private func place(_ heads: [Head]) -> [Panels] {
        var total = 0
        let sizes = heads.map { head -> (tile: Int, keyFloats: Int, tileFloats: Int, offset: Int) in
            let (keys, width, group) = (head.key.rows, head.key.columns, panels.outputGroup)
            let tile = max(1, min(480, 61440 / max(1, width)) / group) * group
            let count = min(tile, keys)
            let keyFloats = Matrix.wholeCacheLines(panels.panelFloats(outputs: count, inputs: width, of: .float32))
            let tileFloats =
                keyFloats + Matrix.wholeCacheLines(panels.panelFloats(outputs: width, inputs: count, of: .float32))
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

    private func attend(_ block: Block, _ packed: Panels, thread: Int) {
        let (rows, width) = (block.query.rows, block.query.columns)
        precondition(width == packed.width && block.out.columns == width && block.out.rows == rows)
        guard rows > 0, packed.keys > 0 else { return }
        let memory = AttentionMemory(panels, packed.tile, rows: rows, width: width, scoreRows: scoreRows)
        let scratch = team.scratch(thread: thread, count: memory.count)
        let (maximum, sum) = (scratch + memory.totals, scratch + memory.totals + rows)
        maximum.update(repeating: -.infinity, count: rows)
        sum.update(repeating: 0, count: rows)
        let query = rowsOperand(block.query, memory: scratch + memory.query)

        for tile in 0..<packed.tiles {
            for start in stride(from: 0, to: rows, by: scoreRows) {
                let part = start..<min(rows, start + scoreRows)
                let scores = MatrixView(base: scratch, rows: part.count, columns: packed.range(tile).count)
                var own = query
                own.rows = part
                panels.multiply(own, packed.keys(tile), into: PanelOutput(y: scores), next: pg_next())
                let factor = rule.apply(to: scores, kernels: kernels)
                for row in part {
                    let correction = kernels.table.pointee.softmax_tile(
                        scores.row(row - start), scores.columns, factor, maximum + row, sum + row)
                    if tile > 0, correction != 1 { kernels.table.pointee.scale(block.out.row(row), correction, width) }
                }
                panels.multiply(
                    rowsOperand(scores, memory: scratch + memory.probabilities), packed.values(tile),
                    into: PanelOutput(y: block.out.rows(part), accumulate: tile > 0), next: pg_next())
            }
        }
        for row in 0..<rows { kernels.table.pointee.scale(block.out.row(row), 1 / sum[row], width) }
    }

    /// Returns rows as the kernels read them.
    private func rowsOperand(_ x: MatrixView, memory: UnsafeMutablePointer<Float>) -> PanelRows {
        guard panels.rowFloats(rows: x.rows, inputs: x.columns) > 0 else { return PanelRows(x) }
        panels.arrange(x, into: memory)
        return PanelRows(x, arranged: memory)
    }
}

/// Where a task of attention has what, counted in float32: the scores first.
private struct AttentionMemory {
    let query: Int
    let probabilities: Int
    /// The maximum of each row, then the sum of each row.
    let totals: Int
    let count: Int

    init(_ panels: any PanelProducts, _ tile: Int, rows: Int, width: Int, scoreRows: Int) {
        query = Matrix.wholeCacheLines(scoreRows * tile)
        probabilities = query + Matrix.wholeCacheLines(panels.rowFloats(rows: rows, inputs: width))
        totals = probabilities + Matrix.wholeCacheLines(panels.rowFloats(rows: scoreRows, inputs: tile))
        count = totals + 2 * rows
    }
}
