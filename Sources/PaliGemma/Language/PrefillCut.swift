/// How a prefill is cut among the ranks of a group.
package struct PrefillCut: Sendable, Equatable {
    /// What a rank computes of the MLP.
    package enum Split: String, CaseIterable, Sendable {
        /// All columns, for its own rows (sequence parallel): only keys and values cross the group, a ninth of the bytes, but
        /// every rank reads the weights of the whole MLP.
        case rows
        /// Its own columns, for all rows (column parallel): each host needs the memory of its ranks' columns alone.
        case columns
    }

    package var split: Split
    /// The rows of a block that keep a product efficient, and a transfer short beside it.
    package var blockRows: Int
    /// With fewer rows of its own a rank would take longer to widen the weights of the whole MLP than to multiply: the MLP of
    /// such a prefill is column parallel.
    package var minimumRows: Int
    /// Whether the ranks compute at the same time, and transfers are to run under their arithmetic. Ranks that share cores
    /// (host compute lock) need not cut their rows for that.
    package var overlaps: Bool

    package init(split: Split = .rows, blockRows: Int = 1024, minimumRows: Int = 128, overlaps: Bool = true) {
        self.split = split
        self.blockRows = blockRows
        self.minimumRows = minimumRows
        self.overlaps = overlaps
    }
}
