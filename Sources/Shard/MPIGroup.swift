import Foundation
import PaliGemma

/// The tensor-parallel group over MPI, used from a rank's compute thread: operations are handed to the main thread,
/// which begins them in the order in which they were asked for, and so in the same order on every rank.
///
/// Two collectives do everything: all-gather, and all-to-all as the first half of a reduce-scatter whose sum is made
/// by the receiver in rank order. Both send each number to each rank that needs it once, which no algorithm beats in
/// bytes, and groups are small.
package final class MPIGroup: TensorParallelGroup {
    package let rank: Int
    package let count: Int
    private let members: MPI.Group
    private let outbox: RankOutbox
    private let timeline: Timeline?
    /// Seconds that the compute thread spent waiting for transfers.
    package private(set) var waitingSeconds = 0.0
    /// Bytes that this rank sent to its peers.
    package private(set) var sentBytes = 0

    init(_ members: MPI.Group, outbox: RankOutbox, timeline: Timeline?) {
        rank = members.rank
        count = members.count
        self.members = members
        self.outbox = outbox
        self.timeline = timeline
    }

    package func gather(
        _ own: MatrixView, into all: MatrixView, ranges: [Range<Int>]
    ) throws(CollectiveError) -> any PendingTransfer {
        let width = all.columns
        precondition(own.rows == ranges[rank].count && own.columns == width && own.isDense && all.isDense)
        let counts = try ranges.map { range throws(CollectiveError) in try Self.count(range.count, width) }
        let offsets = try ranges.map { range throws(CollectiveError) in try Self.count(range.lowerBound, width) }
        sentBytes += own.rows * width * 4 * (count - 1)
        return begin { [members, rank] mpi throws(ShardError) in
            try mpi.gather(
                own.address, count: counts[rank], into: all.address, counts: counts, offsets: offsets, on: members)
        }
    }

    package func exchange(
        _ parts: MatrixView, ranges: [Range<Int>], into received: MatrixView
    ) throws(CollectiveError) -> any PendingTransfer {
        let width = parts.columns
        let rows = ranges[rank].count
        precondition(received.rows == count * rows && received.columns == width && parts.isDense && received.isDense)
        let counts = try ranges.map { range throws(CollectiveError) in try Self.count(range.count, width) }
        let offsets = try ranges.map { range throws(CollectiveError) in try Self.count(range.lowerBound, width) }
        let own = counts[rank]
        let receiveOffsets = try (0..<count).map { peer throws(CollectiveError) in try Self.count(peer * rows, width) }
        sentBytes += (parts.rows - rows) * width * 4
        return begin { [members, count] mpi throws(ShardError) in
            try mpi.exchange(
                parts.address, counts: counts, offsets: offsets, into: received.address,
                receiveCounts: Array(repeating: own, count: count), receiveOffsets: receiveOffsets, on: members)
        }
    }

    private func begin(_ body: @escaping (MPI) throws(ShardError) -> MPI.Request) -> any PendingTransfer {
        let ticket = Ticket()
        outbox.requests.put(.collective(begin: body, ticket))
        return Pending(ticket: ticket, group: self)
    }

    private static func count(_ rows: Int, _ width: Int) throws(CollectiveError) -> Int32 {
        guard let count = Int32(exactly: rows * width) else {
            throw CollectiveError(
                "\(rows) rows of \(width) are more than one transfer holds; use smaller micro-batches")
        }
        return count
    }

    private final class Pending: PendingTransfer {
        private let ticket: Ticket
        private let group: MPIGroup

        init(ticket: Ticket, group: MPIGroup) {
            self.ticket = ticket
            self.group = group
        }

        func wait() throws(CollectiveError) {
            let start = Timeline.now()
            let result = ticket.wait()
            let waited = Timeline.now() - start
            group.waitingSeconds += Double(waited) / 1e9
            if waited > Timeline.shortestWait { group.timeline?.record("wait for peers", thread: "stage", from: start) }
            if case .failure(let error) = result { throw CollectiveError(error.description) }
        }
    }
}
