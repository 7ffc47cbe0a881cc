import CKernels
import Foundation

/// Decoding's attention: a few query heads of one row a sequence over the keys and values in its cache.
///
/// A long cache is cut into pieces of keys, which threads attend on their own and which are then put together in the
/// order of the keys. The cuts stand at fixed places, so a sequence's numbers depend neither on the number of threads
/// nor on the sequences beside it.
package struct CacheAttention: ~Copyable {
    /// Keys of a piece: with 256 wide heads 1 MB of keys and values, a few dozen µs of work.
    package static let keysOfPiece = 512

    /// Keys and values of positions that follow each other in memory.
    package struct Part: Sendable {
        package let key: MatrixView  // [S, H]
        package let value: MatrixView  // [S, H]

        package init(key: MatrixView, value: MatrixView) {
            self.key = key
            self.value = value
        }

        func rows(_ range: Range<Int>) -> Part { Part(key: key.rows(range), value: value.rows(range)) }
    }

    /// The query heads of one row that share a key/value head.
    package struct Heads: Sendable {
        let query: MatrixView  // [n, H]
        let prefix: Part
        /// What follows the prefix, in order.
        let pages: [Part]
        let out: MatrixView  // [n, H]
        /// Keys of the prefix and the pages.
        let keys: Int

        package init(query: MatrixView, prefix: Part, pages: [Part] = [], out: MatrixView) {
            self.query = query
            self.prefix = prefix
            self.pages = pages
            self.out = out
            keys = pages.reduce(prefix.key.rows) { $0 + $1.key.rows }
        }

        var pieces: Int { (keys + CacheAttention.keysOfPiece - 1) / CacheAttention.keysOfPiece }

        /// Calls `body` with the parts of some keys, and where they begin among these.
        func forEachPart(of range: Range<Int>, _ body: (Part, Int) -> Void) {
            var start = 0
            for index in -1..<pages.count {
                let part = index < 0 ? prefix : pages[index]
                let own = (start..<start + part.key.rows).clamped(to: range)
                if !own.isEmpty {
                    body(part.rows(own.lowerBound - start..<own.upperBound - start), own.lowerBound - range.lowerBound)
                }
                start += part.key.rows
            }
        }
    }

    private struct Piece: Sendable {
        let heads: Int
        let keys: Range<Int>
    }

    private var all: [Heads] = []
    private var pieces: [Piece] = []
    private var firstPieces: [Int] = []
    /// Sums of values under each piece's own maximum [pieces · n, H], and the maxima and sums [pieces, 2 · n].
    private var mixed = Matrix(rows: 0, columns: 0)
    private var totals = Matrix(rows: 0, columns: 0)

    package init() {}

    /// Attends every one of `heads`. Returns the operations, two a multiply-add.
    package mutating func run(_ heads: [Heads], team: ThreadTeam, kernels: Kernels, rule: ScoreRule) -> Double {
        plan(heads)
        let (all, pieces, firsts) = (all, pieces, firstPieces)
        let (mixed, totals) = (mixed.view, totals.view)
        team.run(pieces.count) { index, thread in
            let heads = all[pieces[index].heads]
            let arranged = ArrangedRows.count(rows: heads.query.rows, inputs: heads.query.columns)
            Self.attend(
                heads, pieces[index].keys, into: Self.part(mixed, index, heads), totals: totals.row(index),
                memory: team.scratch(thread: thread, count: arranged + heads.query.rows * Self.keysOfPiece), kernels,
                rule)
        }
        for (index, heads) in all.enumerated() {
            Self.merge(heads, mixed, totals, pieces: firsts[index]..<firsts[index] + heads.pieces, kernels)
        }
        return all.reduce(0) { $0 + 4 * Double($1.query.rows * $1.keys * $1.query.columns) }
    }

    private mutating func plan(_ heads: [Heads]) {
        all = heads
        pieces.removeAll(keepingCapacity: true)
        firstPieces.removeAll(keepingCapacity: true)
        for (index, entry) in heads.enumerated() {
            firstPieces.append(pieces.count)
            for start in stride(from: 0, to: entry.keys, by: Self.keysOfPiece) {
                pieces.append(Piece(heads: index, keys: start..<min(start + Self.keysOfPiece, entry.keys)))
            }
        }
        let rows = heads.map(\.query.rows).max() ?? 0
        let width = heads.map(\.query.columns).max() ?? 0
        // Sequences grow by a key a step: room for some pieces more saves most growing.
        if mixed.view.columns < rows * width || mixed.view.rows < pieces.count {
            mixed = Matrix(rows: pieces.count + heads.count, columns: rows * width)
            totals = Matrix(rows: pieces.count + heads.count, columns: 2 * rows)
        }
    }

    /// The room of a piece as [n, H].
    private static func part(_ mixed: MatrixView, _ piece: Int, _ heads: Heads) -> MatrixView {
        MatrixView(base: mixed.row(piece), rows: heads.query.rows, columns: heads.query.columns)
    }

    /// part = sum over the piece's keys of exp(rule(q · k) − maximum) · v; totals = the maxima, then the sums.
    private static func attend(
        _ heads: Heads, _ keys: Range<Int>, into part: MatrixView, totals: UnsafeMutablePointer<Float>,
        memory arranged: UnsafeMutablePointer<Float>, _ kernels: Kernels, _ rule: ScoreRule
    ) {
        let table = kernels.table.pointee
        let query = heads.query
        let scores = MatrixView(
            base: arranged + ArrangedRows.count(rows: query.rows, inputs: query.columns), rows: query.rows,
            columns: keys.count)
        table.arrange(query.base, query.rows, query.columns, query.stride, arranged)
        heads.forEachPart(of: keys) { part, start in
            let key = part.key
            table.few_rows(
                ElementType.float32.code, key.base, key.rows, key.columns, key.stride, arranged, query.rows,
                scores.base + start, scores.stride)
        }
        let factor = rule.apply(to: scores, kernels: kernels)
        part.fill(0)
        for row in 0..<query.rows {
            (totals[row], totals[query.rows + row]) = (-.infinity, 0)
            _ = table.softmax_tile(
                scores.row(row), scores.columns, factor, totals + row, totals + query.rows + row)
        }
        heads.forEachPart(of: keys) { keys, start in
            let value = keys.value
            table.few_rows_mix(
                scores.base + start, scores.rows, scores.stride, value.base, value.rows, value.columns, value.stride,
                part.base, part.stride)
        }
    }

    /// out = the pieces under their common maximum, over their common sum.
    private static func merge(
        _ heads: Heads, _ mixed: MatrixView, _ totals: MatrixView, pieces: Range<Int>, _ kernels: Kernels
    ) {
        let table = kernels.table.pointee
        for row in 0..<heads.query.rows {
            var maximum = -Float.infinity
            for piece in pieces { maximum = max(maximum, totals.row(piece)[row]) }
            let out = heads.out.row(row)
            var sum: Float = 0
            for piece in pieces {
                let factor = expf(totals.row(piece)[row] - maximum)
                let values = part(mixed, piece, heads).row(row)
                sum += factor * totals.row(piece)[heads.query.rows + row]
                if factor != 1 { table.scale(values, factor, heads.out.columns) }
                if piece == pieces.lowerBound {
                    out.update(from: values, count: heads.out.columns)
                } else {
                    table.add(out, values, heads.out.columns)
                }
            }
            table.scale(out, 1 / sum, heads.out.columns)
        }
    }
}
