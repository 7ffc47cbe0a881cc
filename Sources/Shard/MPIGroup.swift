import Base
import Foundation
import PaliGemma
import Tensor

/// The tensor-parallel group over MPI, used from a rank's compute thread: operations are handed to the main thread,
/// which begins them in the order in which they were asked for, and so in the same order on every rank.
///
/// Two collectives do everything: all-gather, and all-to-all as the first half of a reduce-scatter whose sum is made
/// by the receiver in rank order. Both send each number to each rank that needs it once, which no algorithm beats in
/// bytes, and groups are small.
package final class MPIGroup: TensorParallelGroup {
    package let rank: Int
    package let count: Int
    package let link: LinkFormat
    private let members: MPI.Group
    private let outbox: RankOutbox
    private let codec: LinkCodec
    private let turn: HostTurn?
    private let timeline: Timeline?
    private let staging = StagingPool()
    /// Seconds that the compute thread spent waiting for transfers.
    package private(set) var waitingSeconds = 0.0
    /// Bytes that this rank sent to its peers.
    package private(set) var sentBytes = 0

    init(
        _ members: MPI.Group, link: LinkFormat, codec: LinkCodec, outbox: RankOutbox, turn: HostTurn?,
        timeline: Timeline?
    ) {
        rank = members.rank
        count = members.count
        self.members = members
        self.link = link
        self.codec = codec
        self.outbox = outbox
        self.turn = turn
        self.timeline = timeline
    }

    package func allGather(
        _ own: MatrixView, into all: MatrixView, ranges: [Range<Int>], as format: LinkFormat
    ) throws(CollectiveError) -> any PendingCollective {
        let width = all.columns
        precondition(own.rows == ranges[rank].count && own.columns == width && own.isDense && all.isDense)
        let counts = try ranges.map { range throws(CollectiveError) in try Self.count(range.count, width) }
        let offsets = try ranges.map { range throws(CollectiveError) in try Self.count(range.lowerBound, width) }
        sentBytes += own.rows * width * format.bytes * (count - 1)
        // Every row of `all` may be on the wire: where only some ranges are, the others are not touched.
        let wire = Wire(format, sending: own, receiving: all, codec, staging)
        return begin(wire, arriving: ranges) { [members, rank] mpi throws(ShardError) in
            try mpi.gather(
                wire.sent, count: counts[rank], into: wire.received, counts: counts, offsets: offsets,
                of: MPI.type(of: format), on: members)
        }
    }

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
        let wire = Wire(format, sending: parts, receiving: received, codec, staging)
        return begin(wire, arriving: [0..<received.rows]) { [members, count] mpi throws(ShardError) in
            try mpi.exchange(
                wire.sent, counts: counts, offsets: offsets, into: wire.received,
                receiveCounts: Array(repeating: own, count: count), receiveOffsets: receiveOffsets,
                of: MPI.type(of: format), on: members)
        }
    }

    private func begin(
        _ wire: Wire, arriving ranges: [Range<Int>], _ body: @escaping (MPI) throws(ShardError) -> MPI.Request
    ) -> any PendingCollective {
        let ticket = Ticket()
        outbox.put(.collective(begin: body, ticket))
        return Pending(ticket: ticket, wire: wire, ranges: ranges, group: self)
    }

    private static func count(_ rows: Int, _ width: Int) throws(CollectiveError) -> Int32 {
        guard let count = Int32(exactly: rows * width) else {
            throw CollectiveError(
                "\(rows) rows of \(width) are more than one transfer holds; use smaller micro-batches")
        }
        return count
    }

    private final class Pending: PendingCollective {
        private let ticket: Ticket
        private let wire: Wire
        private let ranges: [Range<Int>]
        private let group: MPIGroup

        init(ticket: Ticket, wire: Wire, ranges: [Range<Int>], group: MPIGroup) {
            self.ticket = ticket
            self.wire = wire
            self.ranges = ranges
            self.group = group
        }

        func wait() throws(CollectiveError) {
            let start = Timeline.now()
            let result =
                ticket.result ?? group.turn.whileWaiting { [outbox = group.outbox] in outbox.wait(for: ticket) }
            let waited = Timeline.now() - start
            group.waitingSeconds += Double(waited) / 1e9
            if waited > Timeline.minimumWait { group.timeline?.record("wait for peers", thread: "stage", from: start) }
            if case .failure(let error) = result { throw CollectiveError(error.description) }
            wire.arrive(ranges, group.codec, group.staging)
        }
    }
}

/// What of two matrices stands on the wire: themselves, or narrower copies of them.
private final class Wire: @unchecked Sendable {
    // @unchecked: made and taken apart by the compute thread, used by the main thread in between.
    let sent: UnsafeRawPointer
    let received: UnsafeMutableRawPointer
    private let target: MatrixView
    private var copies: [UnsafeMutableRawBufferPointer] = []

    init(
        _ format: LinkFormat, sending source: MatrixView, receiving target: MatrixView, _ codec: LinkCodec,
        _ staging: StagingPool
    ) {
        self.target = target
        switch format {
        case .float32: (sent, received) = (UnsafeRawPointer(source.address), target.address)
        case .bfloat16:
            copies = [source, target].map { staging.take(bytes: $0.rows * $0.columns * format.bytes) }
            (sent, received) = (UnsafeRawPointer(copies[0].baseAddress!), copies[1].baseAddress!)
            codec.narrow(source, into: copies[0].baseAddress!)
        }
    }

    /// Everything is here: rows `ranges` of the target get what arrived.
    func arrive(_ ranges: [Range<Int>], _ codec: LinkCodec, _ staging: StagingPool) {
        guard !copies.isEmpty else { return }
        let rowBytes = target.columns * LinkFormat.bfloat16.bytes
        for range in ranges where !range.isEmpty {
            codec.widen(received + range.lowerBound * rowBytes, into: target.rows(range))
        }
        for copy in copies { staging.give(copy) }
        copies = []
    }
}

/// Memory of transfers, kept for the next ones. Used on the compute thread only.
private final class StagingPool {
    private var free: [UnsafeMutableRawBufferPointer] = []

    /// The smallest that is large enough.
    func take(bytes: Int) -> UnsafeMutableRawBufferPointer {
        let best = free.indices.filter { free[$0].count >= bytes }.min { free[$0].count < free[$1].count }
        if let best { return free.remove(at: best) }
        return .allocate(byteCount: max(bytes, 64), alignment: 64)
    }

    func give(_ memory: UnsafeMutableRawBufferPointer) { free.append(memory) }

    deinit { for memory in free { memory.deallocate() } }
}

extension LinkFormat {
    /// Bytes of a number.
    fileprivate var bytes: Int { self == .float32 ? MemoryLayout<Float>.size : LinkCodec.bytesOfNumber }
}
