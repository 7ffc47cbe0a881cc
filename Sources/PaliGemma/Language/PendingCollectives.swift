/// The collectives of one kind that are under way, one for each block.
final class PendingCollectives {
    private var pending: [(any PendingCollective)?]

    init(count: Int) { pending = Array(repeating: nil, count: count) }

    subscript(block: Int) -> (any PendingCollective)? {
        get { pending[block] }
        set { pending[block] = newValue }
    }

    /// Waits for a block's collective and forgets it.
    ///
    /// - Returns: whether there was one.
    /// - Throws: ``CollectiveError`` where it failed.
    @discardableResult
    func wait(_ block: Int) throws(CollectiveError) -> Bool {
        guard let collective = pending[block] else { return false }
        try collective.wait()
        pending[block] = nil
        return true
    }
}
