/// The outliers of each block of an input, in memory that is kept for the next input.
final class BlockOutliers: @unchecked Sendable {
    // @unchecked: each task fills the elements of its own blocks.

    /// ``OutlierColumns/maximumCount`` positions a block.
    private var positions = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: 0)
    /// One element a block.
    private var columns = UnsafeMutableBufferPointer<OutlierColumns?>.allocate(capacity: 0)

    deinit {
        positions.deallocate()
        columns.deallocate()
    }

    /// The outliers of a block for which ``find(_:lead:_:_:_:_:)`` was called.
    subscript(block: Int) -> OutlierColumns {
        guard let columns = columns[block] else { preconditionFailure("outliers are found before they are read") }
        return columns
    }

    /// Makes room for a number of blocks.
    func reserve(_ blocks: Int) {
        guard blocks > columns.count else { return }
        positions.deallocate()
        columns.deallocate()
        positions = .allocate(capacity: blocks * OutlierColumns.maximumCount)
        columns = .allocate(capacity: blocks)
        columns.initialize(repeating: nil)
    }

    /// Finds the outliers of one block.
    ///
    /// - Parameter x: [T, inputs of the block] float32.
    func find(
        _ x: MatrixView, lead: Int, _ block: Int, _ kernels: Kernels, _ team: ThreadTeam, _ thread: Int
    ) {
        guard let positions = positions.baseAddress else { return }
        columns[block] = OutlierColumns(
            x, lead: lead, maximum: OutlierColumns.maximumCount(rows: x.rows),
            memory: positions + block * OutlierColumns.maximumCount,
            scratch: team.scratch(thread: thread, count: x.columns), kernels: kernels)
    }
}
