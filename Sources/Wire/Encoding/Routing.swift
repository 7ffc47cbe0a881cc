/// Whose data a frame carries, repeated in the header: a receiver whose payload fails its checksum still knows which
/// picture was lost.
package struct Routing: Sendable, Equatable, CustomStringConvertible {
    /// The batch, or 0.
    package var batchID: UInt64
    /// The picture of a Features frame, the sequence number of an Order or of its Tokens, or 0.
    package var itemID: UInt64
    package var firstRow: UInt32
    package var rowCount: UInt32

    package init(batchID: UInt64 = 0, itemID: UInt64 = 0, firstRow: UInt32 = 0, rowCount: UInt32 = 0) {
        self.batchID = batchID
        self.itemID = itemID
        self.firstRow = firstRow
        self.rowCount = rowCount
    }

    package var description: String {
        "batch \(batchID), item \(itemID), rows \(firstRow)..<\(UInt64(firstRow) + UInt64(rowCount))"
    }
}
