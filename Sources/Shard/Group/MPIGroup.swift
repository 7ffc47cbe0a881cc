import Base
import Foundation
import PaliGemma
import Tensor

/// The tensor-parallel group over MPI, used from a rank's compute thread: collectives are handed to the main thread,
/// which begins them in the order in which they were asked for, and so in the same order on every rank.
///
/// There are two collectives: all-gather, and all-to-all as the first half of a reduce-scatter whose sum is made by the
/// receiver in rank order. Both send each number once to each rank that needs it, which is the minimum of bytes.
package final class MPIGroup: TensorParallelGroup {
    package let rank: Int
    package let count: Int
    package let link: LinkFormat
    private let members: MPI.Group
    private let outbox: RankOutbox
    private let codec: LinkCodec
    private let computeLock: HostComputeLock?
    private let timeline: Timeline?
    private let staging = StagingPool()
    /// How long the compute thread has waited for transfers so far, in seconds.
    package private(set) var waitingSeconds = 0.0
    /// The bytes that this rank has sent to its peers so far.
    package private(set) var sentBytes = 0

    init(
        _ members: MPI.Group, link: LinkFormat, codec: LinkCodec, outbox: RankOutbox,
        computeLock: HostComputeLock?, timeline: Timeline?
    ) {
        rank = members.rank
        count = members.count
        self.members = members
        self.link = link
        self.codec = codec
        self.outbox = outbox
        self.computeLock = computeLock
        self.timeline = timeline
    }

    /// Begins the collective; see ``TensorParallelGroup``.
    ///
    /// - Throws: ``CollectiveError`` where the group is lost.
    package func allGather(
        _ own: MatrixView, into all: MatrixView, ranges: [Range<Int>], as format: LinkFormat
    ) throws(CollectiveError) -> any PendingCollective {
        let width = all.columns
        precondition(own.rows == ranges[rank].count && own.columns == width && own.isDense && all.isDense)
        let counts = try ranges.map { range throws(CollectiveError) in try Self.count(range.count, width) }
        let offsets = try ranges.map { range throws(CollectiveError) in try Self.count(range.lowerBound, width) }
        sentBytes += own.rows * width * format.bytes * (count - 1)
        // Every row of `all` may be on the wire: where only some ranges are, the others are not touched.
        let buffers = TransferBuffers(format, sending: own, receiving: all, codec, staging)
        return begin(buffers, arriving: ranges) { [members, rank] mpi throws(ShardError) in
            try mpi.allGather(
                buffers.sent, count: counts[rank], into: buffers.received, counts: counts, offsets: offsets,
                of: MPI.type(of: format), on: members)
        }
    }

    /// Begins the collective; see ``TensorParallelGroup``.
    ///
    /// - Throws: ``CollectiveError`` where the group is lost.
    package func allToAll(
        _ parts: MatrixView, ranges: [Range<Int>], into received: MatrixView, as format: LinkFormat
    ) throws(CollectiveError) -> any PendingCollective {
        let width = parts.columns
        let rows = ranges[rank].count
        precondition(received.rows == count * rows && received.columns == width && parts.isDense && received.isDense)
        let counts = try ranges.map { range throws(CollectiveError) in try Self.count(range.count, width) }
        let offsets = try ranges.map { range throws(CollectiveError) in try Self.count(range.lowerBound, width) }
        let own = counts[rank]
        let receiveOffsets = try (0..<count).map { peer throws(CollectiveError) in try Self.count(peer * rows, width) }
        sentBytes += (parts.rows - rows) * width * format.bytes
        let buffers = TransferBuffers(format, sending: parts, receiving: received, codec, staging)
        return begin(buffers, arriving: [0..<received.rows]) { [members, count] mpi throws(ShardError) in
            try mpi.allToAll(
                buffers.sent, counts: counts, offsets: offsets, into: buffers.received,
                receiveCounts: Array(repeating: own, count: count), receiveOffsets: receiveOffsets,
                of: MPI.type(of: format), on: members)
        }
    }

    private func begin(
        _ buffers: TransferBuffers, arriving ranges: [Range<Int>],
        _ body: @escaping (MPI) throws(ShardError) -> MPI.Request
    ) -> any PendingCollective {
        let completion = Completion()
        outbox.put(.collective(begin: body, completion))
        return Pending(completion: completion, buffers: buffers, ranges: ranges, group: self)
    }

    private static func count(_ rows: Int, _ width: Int) throws(CollectiveError) -> Int32 {
        guard let count = Int32(exactly: rows * width) else {
            throw CollectiveError(
                "\(rows) rows of \(width) are more than one transfer holds; use smaller micro-batches")
        }
        return count
    }

    private final class Pending: PendingCollective {
        private let completion: Completion
        private let buffers: TransferBuffers
        private let ranges: [Range<Int>]
        private let group: MPIGroup

        init(completion: Completion, buffers: TransferBuffers, ranges: [Range<Int>], group: MPIGroup) {
            self.completion = completion
            self.buffers = buffers
            self.ranges = ranges
            self.group = group
        }

        func wait() throws(CollectiveError) {
            let start = Timeline.now()
            let result =
                completion.result
                ?? group.computeLock.releasedWhile { [outbox = group.outbox] in outbox.wait(for: completion) }
            let waited = Timeline.now() - start
            group.waitingSeconds += Double(waited) / 1e9
            if waited > Timeline.minimumWait { group.timeline?.record("wait for peers", thread: "stage", from: start) }
            if case .failure(let error) = result { throw CollectiveError(error.description) }
            buffers.unpack(ranges, group.codec, group.staging)
        }
    }
}
