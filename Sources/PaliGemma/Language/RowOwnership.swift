/// Which rank of a group owns which rows of a prefill: contiguous shares, as even as they go, in rank order. Rows are
/// owned alike however the prefill is cut.
package struct RowOwnership: Sendable, Equatable {
    /// The rows of the whole prefill.
    package let total: Int
    package let ranks: Int

    package init(total: Int, ranks: Int) {
        self.total = total
        self.ranks = ranks
    }

    /// Returns all rows that a rank owns.
    package func owned(by rank: Int) -> Range<Int> {
        total * rank / ranks..<total * (rank + 1) / ranks
    }

    /// Returns the rank that owns a row.
    package func owner(of row: Int) -> Int {
        (0..<ranks).first { owned(by: $0).contains(row) } ?? ranks - 1
    }

    /// Divides some rows among their owners: every rank that owns any of them, and those that it owns.
    package func parts(of rows: Range<Int>) -> [(rank: Int, rows: Range<Int>)] {
        (0..<ranks).map { (rank: $0, rows: rows.clamped(to: owned(by: $0))) }.filter { !$0.rows.isEmpty }
    }
}
