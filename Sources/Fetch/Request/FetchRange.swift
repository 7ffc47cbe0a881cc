/// A part of a body: `count` bytes from `offset`, or all from `offset` where there is no count.
package struct FetchRange: Sendable, Equatable {
    package let offset: Int64
    package let count: Int64?

    /// - Returns: nil for an offset below zero, a count below one, or an end that no file has.
    package init?(offset: Int64, count: Int64? = nil) {
        guard offset >= 0 else { return nil }
        if let count {
            guard count > 0, !offset.addingReportingOverflow(count).overflow else { return nil }
        }
        self.offset = offset
        self.count = count
    }

    /// The offset after the last byte; nil where the range has no count.
    var end: Int64? { count.map { offset + $0 } }
}
