/// Which rows of a matrix belong to sequences with an adapter, and to which; the other rows use the model as it is.
package struct RowAdapters: Sendable, Equatable {
    struct Run: Sendable, Equatable {
        /// The index of the adapter in the model's set of adapters.
        let adapter: Int
        let rows: Range<Int>
    }

    /// Consecutive rows with the same adapter, in ascending order.
    private(set) var runs: [Run] = []

    package static let none = RowAdapters()

    package init() {}

    /// Makes the adapters of rows that stand group after group.
    ///
    /// - Parameter groups: each group's adapter, nil for none, and how many rows it has.
    package init(_ groups: some Swift.Sequence<(adapter: Int?, rows: Int)>) {
        var start = 0
        for (adapter, rows) in groups {
            if let adapter { append(Run(adapter: adapter, rows: start..<start + rows)) }
            start += rows
        }
    }

    /// Returns the adapters of some rows, counted from the first of them.
    package func rows(_ range: Range<Int>) -> RowAdapters {
        var result = RowAdapters()
        result.append(self, rows: range, at: 0)
        return result
    }

    /// Appends the adapters of rows `range` of `other`, which stand here from row `start` on, behind all that are there.
    package mutating func append(_ other: RowAdapters, rows range: Range<Int>, at start: Int) {
        for run in other.runs {
            let common = run.rows.clamped(to: range)
            if common.isEmpty { continue }
            let shift = start - range.lowerBound
            append(Run(adapter: run.adapter, rows: common.lowerBound + shift..<common.upperBound + shift))
        }
    }

    private mutating func append(_ run: Run) {
        if run.rows.isEmpty { return }
        if let last = runs.last, last.adapter == run.adapter, last.rows.upperBound == run.rows.lowerBound {
            runs[runs.count - 1] = Run(adapter: run.adapter, rows: last.rows.lowerBound..<run.rows.upperBound)
        } else {
            runs.append(run)
        }
    }
}

extension RowAdapters {
    /// Whether the adapter of any row adds to the products of a weight.
    func add(to weight: WeightMatrix) -> Bool { runs.contains { weight.additions?[$0.adapter] != nil } }
}
