import Tensor

/// A group of one rank: what is gathered is what was given.
package final class SingleRank: TensorParallelGroup {
    package let rank = 0
    package let count = 1

    package init() {}

    package func allGather(
        _ own: MatrixView, into all: MatrixView, ranges: [Range<Int>], as format: LinkFormat
    ) -> any PendingCollective {
        all.rows(ranges[0]).copy(from: own)
        return Completed()
    }

    package func allToAll(
        _ parts: MatrixView, ranges: [Range<Int>], into received: MatrixView, as format: LinkFormat
    ) -> any PendingCollective {
        received.copy(from: parts.rows(ranges[0]))
        return Completed()
    }

    private final class Completed: PendingCollective {
        func wait() {}
    }
}
