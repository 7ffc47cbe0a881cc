import Tensor

/// The ranks that hold one Gemma together, seen from one of them.
///
/// Every rank calls the same collectives in the same order. A collective begins at once and runs under whatever is computed
/// until its ``PendingCollective/wait()``; its memory must not be touched in between. Sums are made by the caller in rank
/// order, so every rank gets the same bits. What is rounded for the wire is rounded on the sending rank as well, so that no
/// rank has another number than its peers.
package protocol TensorParallelGroup: AnyObject {
    var rank: Int { get }
    var count: Int { get }
    /// Seconds that the compute thread spent waiting for collectives.
    var waitingSeconds: Double { get }
    /// The bytes that this rank sent to its peers.
    var sentBytes: Int { get }

    /// How activations travel. What chooses a token (``TokenCandidate``) always travels in float32.
    var link: LinkFormat { get }

    /// Begins an all-gather: rank r's rows land in rows `ranges[r]` of `all` on every rank.
    ///
    /// - Parameter own: `ranges[rank].count` rows.
    /// - Throws: ``CollectiveError`` where the group is lost.
    func allGather(
        _ own: MatrixView, into all: MatrixView, ranges: [Range<Int>], as format: LinkFormat
    ) throws(CollectiveError) -> any PendingCollective

    /// Begins an all-to-all: rows `ranges[r]` of `parts` go to rank r; `received` gets one piece of `ranges[rank].count` rows
    /// from each rank, in rank order. With the caller's sum it is a reduce-scatter.
    ///
    /// - Throws: ``CollectiveError`` where the group is lost.
    func allToAll(
        _ parts: MatrixView, ranges: [Range<Int>], into received: MatrixView, as format: LinkFormat
    ) throws(CollectiveError) -> any PendingCollective
}

extension TensorParallelGroup {
    package var waitingSeconds: Double { 0 }
    package var sentBytes: Int { 0 }
    package var link: LinkFormat { .float32 }

    /// Gathers every rank's copy of some rows [B, D], in rank order, in `all` [ranks · B, D], and waits for it.
    ///
    /// - Throws: ``CollectiveError`` where the group is lost.
    func allGatherCopies(
        of own: MatrixView, into all: MatrixView, as format: LinkFormat
    ) throws(CollectiveError) {
        try allGather(own, into: all, ranges: copies(of: own.rows), as: format).wait()
    }

    /// Returns where each rank's copy of `rows` rows stands in what ``allGatherCopies(of:into:as:)`` fills.
    func copies(of rows: Int) -> [Range<Int>] { (0..<count).map { $0 * rows..<($0 + 1) * rows } }
}

/// A collective that has begun.
package protocol PendingCollective: AnyObject {
    /// Returns when everything has arrived and what was sent may be overwritten.
    ///
    /// - Throws: ``CollectiveError`` where the group is lost.
    func wait() throws(CollectiveError)
}

/// A collective of a group failed; the group cannot go on.
package struct CollectiveError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
