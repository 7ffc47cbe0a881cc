import Tensor

/// How numbers stand on the wire between the ranks of a group.
package enum LinkFormat: String, CaseIterable, Sendable {
    case float32 = "f32"
    /// Rounded to the nearest bfloat16, half the bytes, and widened on arrival.
    case bfloat16 = "bf16"
}

/// The ranks that hold one Gemma together, seen from one of them.
///
/// Every rank calls the same operations in the same order. An operation begins at once and runs under whatever is
/// computed until its ``PendingTransfer/wait()``; its memory must not be touched in between. Sums are made by the
/// caller in rank order, so every rank gets the same bits: what is rounded for the wire is rounded on the rank that it
/// comes from as well, so that no rank has another number than its peers.
package protocol TensorParallelGroup: AnyObject {
    var rank: Int { get }
    var count: Int { get }
    /// Seconds that the compute thread spent waiting for transfers.
    var waitingSeconds: Double { get }
    /// Bytes that this rank sent to its peers.
    var sentBytes: Int { get }

    /// How activations travel. What decides (``Candidate``) always travels as it is.
    var link: LinkFormat { get }

    /// All-gather: rank r's rows land in rows `ranges[r]` of `all` on every rank. `own` has `ranges[rank].count` rows.
    func gather(
        _ own: MatrixView, into all: MatrixView, ranges: [Range<Int>], as format: LinkFormat
    ) throws(CollectiveError) -> any PendingTransfer

    /// All-to-all: rows `ranges[r]` of `parts` go to rank r; `received` gets one piece of `ranges[rank].count` rows
    /// from each rank, in rank order.
    func exchange(
        _ parts: MatrixView, ranges: [Range<Int>], into received: MatrixView, as format: LinkFormat
    ) throws(CollectiveError) -> any PendingTransfer
}

extension TensorParallelGroup {
    package var waitingSeconds: Double { 0 }
    package var sentBytes: Int { 0 }
    package var link: LinkFormat { .float32 }

    /// Everyone's copy of some rows [B, D], in rank order, in `all` [ranks · B, D].
    func gatherCopies(
        of own: MatrixView, into all: MatrixView, as format: LinkFormat
    ) throws(CollectiveError) {
        try gather(own, into: all, ranges: copies(of: own.rows), as: format).wait()
    }

    /// Where each rank's copy of `rows` rows stands in what ``gatherCopies(of:into:as:)`` fills.
    func copies(of rows: Int) -> [Range<Int>] { (0..<count).map { $0 * rows..<($0 + 1) * rows } }
}

package protocol PendingTransfer: AnyObject {
    /// Returns when what was begun has arrived, and what was sent may be overwritten.
    func wait() throws(CollectiveError)
}

/// A transfer between the ranks of a group failed; the group cannot go on.
package struct CollectiveError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// A group of one: what is gathered is what was given.
package final class SingleRank: TensorParallelGroup {
    package let rank = 0
    package let count = 1

    package init() {}

    package func gather(
        _ own: MatrixView, into all: MatrixView, ranges: [Range<Int>], as format: LinkFormat
    ) -> any PendingTransfer {
        all.rows(ranges[0]).copy(from: own)
        return Completed()
    }

    package func exchange(
        _ parts: MatrixView, ranges: [Range<Int>], into received: MatrixView, as format: LinkFormat
    ) -> any PendingTransfer {
        received.copy(from: parts.rows(ranges[0]))
        return Completed()
    }

    private final class Completed: PendingTransfer {
        func wait() {}
    }
}
