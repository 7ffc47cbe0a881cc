import CKernels
import Foundation

/// Attention of a decoding step: a few query heads of one row over the keys and values in its cache.
///
/// A long cache is split along its keys (as flash-decoding does): threads attend to the splits on their own, and the partial
/// results are merged in the order of the keys. The splits stand at fixed positions, so a row's numbers depend neither on
/// the number of threads nor on the rows beside it.
package struct DecodeAttention: ~Copyable {
    /// The keys of a split: with heads of 256 columns 1 MB of keys and values, a few dozen µs of work.
    package static let keysPerSplit = 512

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

    /// The query heads of one row that share a key/value head (grouped-query attention).
    package struct HeadGroup: Sendable {
        let query: MatrixView  // [n, H]
        let prefix: Part
        /// The pages behind the prefix, in order.
        let pages: [Part]
        let out: MatrixView  // [n, H]
        /// The number of keys of the prefix and the pages.
        let keys: Int

        package init(query: MatrixView, prefix: Part, pages: [Part] = [], out: MatrixView) {
            self.query = query
            self.prefix = prefix
            self.pages = pages
            self.out = out
            keys = pages.reduce(prefix.key.rows) { $0 + $1.key.rows }
        }

        var splits: Int { (keys + DecodeAttention.keysPerSplit - 1) / DecodeAttention.keysPerSplit }

        /// Calls `body` with the parts that hold some of the keys, and with the index among these keys of each part's first.
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

    private struct Split: Sendable {
        /// The index of the head group.
        let group: Int
        let keys: Range<Int>
    }

    private var all: [HeadGroup] = []
    private var splits: [Split] = []
    private var firstSplits: [Int] = []
    /// The sums of values under each split's own maximum, [splits, n · H].
    private var partials = Matrix(rows: 0, columns: 0)
    /// The maxima and the sums of exponentials of each split, [splits, 2 · n].
    private var totals = Matrix(rows: 0, columns: 0)

    package init() {}

    /// Computes attention for every head group.
    ///
    /// - Returns: the number of operations, two a multiply-add.
    package mutating func run(_ groups: [HeadGroup], team: ThreadTeam, kernels: Kernels, rule: ScoreRule) -> Double {
        plan(groups)
        let (all, splits, firsts) = (all, splits, firstSplits)
        let (partials, totals) = (partials.view, totals.view)
        team.run(splits.count) { index, thread in
            let group = all[splits[index].group]
            let arranged = FewRowsProducts(kernels: kernels, format: .float32)
                .floats(rows: group.query.rows, inputs: group.query.columns)
            Self.attend(
                group, splits[index].keys, into: Self.part(partials, index, group), totals: totals.row(index),
                memory: team.scratch(thread: thread, count: arranged + group.query.rows * Self.keysPerSplit), kernels,
                rule)
        }
        for (index, group) in all.enumerated() {
            Self.merge(group, partials, totals, splits: firsts[index]..<firsts[index] + group.splits, kernels)
        }
        return all.reduce(0) { $0 + 4 * Double($1.query.rows * $1.keys * $1.query.columns) }
    }

    private mutating func plan(_ groups: [HeadGroup]) {
        all = groups
        splits.removeAll(keepingCapacity: true)
        firstSplits.removeAll(keepingCapacity: true)
        for (index, entry) in groups.enumerated() {
            firstSplits.append(splits.count)
            for start in stride(from: 0, to: entry.keys, by: Self.keysPerSplit) {
                splits.append(Split(group: index, keys: start..<min(start + Self.keysPerSplit, entry.keys)))
            }
        }
        let rows = groups.map(\.query.rows).max() ?? 0
        let width = groups.map(\.query.columns).max() ?? 0
        // Sequences grow by a key a step: room for a few splits more makes growing rare.
        if partials.view.columns < rows * width || partials.view.rows < splits.count {
            partials = Matrix(rows: splits.count + groups.count, columns: rows * width)
            totals = Matrix(rows: splits.count + groups.count, columns: 2 * rows)
        }
    }

    /// Returns the memory of a split as [n, H].
    private static func part(_ partials: MatrixView, _ split: Int, _ group: HeadGroup) -> MatrixView {
        MatrixView(base: partials.row(split), rows: group.query.rows, columns: group.query.columns)
    }

    /// part [n, H] = sum over the split's keys of exp(rule(q · k) − maximum) · v; totals [2 · n] = the maxima, then the sums.
    private static func attend(
        _ group: HeadGroup, _ keys: Range<Int>, into part: MatrixView, totals: UnsafeMutablePointer<Float>,
        memory arranged: UnsafeMutablePointer<Float>, _ kernels: Kernels, _ rule: ScoreRule
    ) {
        let table = kernels.table.pointee
        let query = group.query
        let products = FewRowsProducts(kernels: kernels, format: .float32)
        let scores = MatrixView(
            base: arranged + products.floats(rows: query.rows, inputs: query.columns), rows: query.rows,
            columns: keys.count)
        table.arrange(query.base, query.rows, query.columns, query.stride, arranged)
        group.forEachPart(of: keys) { part, start in
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
        group.forEachPart(of: keys) { keys, start in
            let value = keys.value
            table.few_rows_mix(
                scores.base + start, scores.rows, scores.stride, value.base, value.rows, value.columns, value.stride,
                part.base, part.stride)
        }
    }

    /// out [n, H] = the splits under their common maximum, divided by their common sum.
    private static func merge(
        _ group: HeadGroup, _ partials: MatrixView, _ totals: MatrixView, splits: Range<Int>, _ kernels: Kernels
    ) {
        let table = kernels.table.pointee
        for row in 0..<group.query.rows {
            var maximum = -Float.infinity
            for split in splits { maximum = max(maximum, totals.row(split)[row]) }
            let out = group.out.row(row)
            var sum: Float = 0
            for split in splits {
                let factor = expf(totals.row(split)[row] - maximum)
                let values = part(partials, split, group).row(row)
                sum += factor * totals.row(split)[group.query.rows + row]
                if factor != 1 { table.scale(values, factor, group.out.columns) }
                if split == splits.lowerBound {
                    out.update(from: values, count: group.out.columns)
                } else {
                    table.add(out, values, group.out.columns)
                }
            }
            table.scale(out, 1 / sum, group.out.columns)
        }
    }
}
