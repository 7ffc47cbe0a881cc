import Base
import Foundation
import PaliGemma
import Synchronization
import Tensor

/// The main thread of a rank: it owns MPI, moves frames and collectives, and computes nothing. So an order is
/// answered during a long vision pass, and a transfer makes progress while other threads compute.
package final class RankLoop {
    package var rank: Int { mpi.rank }
    package var size: Int { mpi.size }

    private let mpi: MPI
    private let host: MPI.Host?
    private let eventCounts: HostEventCounts
    private let notifier: HostNotifier
    private let outbox: RankOutbox
    /// The way to this loop from other threads.
    package var sender: RankOutbox { outbox }
    private let frames: FrameTransport
    private let collectives: CollectiveTransport
    private var idle: IdleBackoff

    /// Joins the world that mpirun made, or a world of one.
    ///
    /// - Throws: `mpi`.
    package init() throws(ShardError) {
        mpi = try MPI()
        host = try mpi.shareMemory { ranks in HostComputeLock.bytes + HostEventCounts.bytes(ranks: ranks) }
        eventCounts = HostEventCounts(shared: host.map { ($0.memory + HostComputeLock.bytes, $0.rank, $0.count) })
        notifier = HostNotifier(eventCounts)
        // Without single copies a message goes through shared memory in pieces, and no event count is notified of a
        // piece.
        let singleCopies =
            ProcessEnvironment.variables["OMPI_MCA_btl_vader_single_copy_mechanism"] != "none"
        let isNotifiedOfAllTransfers = mpi.size == 1 || host?.count == mpi.size && singleCopies
        outbox = RankOutbox(eventCounts: eventCounts, isNotifiedOfAllTransfers: isNotifiedOfAllTransfers)
        frames = FrameTransport(mpi, outbox: outbox, notifier: notifier)
        collectives = CollectiveTransport(mpi, notifier: notifier)
        idle = IdleBackoff(isNotifiedOfAllTransfers: isNotifiedOfAllTransfers)
    }

    /// Leaves the world; all ranks must.
    package func finalize() {
        eventCounts.close()
        mpi.finalize()
    }

    /// Ends the whole world because this rank cannot go on.
    package static func abort(code: Int32) -> Never { MPI.abort(code: code) }

    // MARK: What is shared with other ranks

    /// Returns the tensor-parallel group of the ranks that call this with `member` true, nil for the others; all ranks
    /// of the world must call it.
    ///
    /// - Parameters:
    ///   - link: The number format of activations between its ranks.
    ///   - team: The rank's compute threads, which round activations for the wire.
    ///   - computeLock: Released while the stage's thread waits for peers.
    /// - Throws: `mpi`.
    package func makeGroup(
        member: Bool, link: LinkFormat, team: ThreadTeam, computeLock: HostComputeLock?, timeline: Timeline? = nil
    ) throws(ShardError) -> (any TensorParallelGroup)? {
        guard let members = try mpi.split(color: member ? 1 : nil) else { return nil }
        if members.count == 1 { return SingleRank() }
        // Where all ranks are on one host they have the same numbers there; a group's are consecutive.
        let first = mpi.rank - members.rank
        if host?.count == mpi.size { notifier.groupRanks = first..<first + members.count }
        return MPIGroup(
            members, link: link, codec: LinkCodec(team: team), outbox: outbox, computeLock: computeLock,
            timeline: timeline)
    }

    /// Returns the compute lock of this host; nil for a rank that is alone there.
    ///
    /// - Parameter team: The rank's compute threads, which are parked while another rank holds the lock.
    package func makeComputeLock(for team: ThreadTeam) -> HostComputeLock? {
        host.map { HostComputeLock(memory: $0.memory, onAcquire: { team.wake() }, onRelease: { team.park() }) }
    }

    /// Returns whether all ranks of the world say yes; all must ask, before their stages run.
    ///
    /// - Throws: `mpi`.
    package func allAgree(_ yes: Bool) throws(ShardError) -> Bool { try mpi.minimum(yes ? 1 : 0) != 0 }

    /// Returns the smallest of the numbers that the ranks of the world give; all must ask, before their stages run.
    ///
    /// - Throws: `mpi`.
    package func minimum(_ number: Int) throws(ShardError) -> Int { try mpi.minimum(number) }

    /// Returns what each rank of this host gives, in the order of their ranks, and which of them is this one; all ranks
    /// of the world must ask, before their stages run, and give as many words.
    ///
    /// - Throws: `mpi`.
    package func gatherOnHost(_ words: [UInt64]) throws(ShardError) -> (rank: Int, words: [[UInt64]]) {
        try mpi.gatherOnHost(words)
    }

    /// Begins heartbeats, which are sent while the loop runs: from all ranks to rank 0, and from rank 0 to all. A rank
    /// that is stopped cannot watch itself.
    ///
    /// - Returns: What this rank receives of its peers; nil in a world of one.
    package func exchangeHeartbeats(everySeconds interval: Double) -> Liveness? {
        guard size > 1 else { return nil }
        let liveness = Liveness(of: rank == 0 ? Array(1..<size) : [0], interval: interval)
        frames.liveness = liveness
        return liveness
    }

    // MARK: The loop

    /// Moves frames and collectives until `step` says that it is done.
    ///
    /// - Parameters:
    ///   - handle: Gets every frame for this rank; frames of one sender come in the order in which they were sent.
    ///   - step: Called in every round; returns whether it did something, or nil to end the loop.
    /// - Throws: ``ShardError``, and what `handle` and `step` throw.
    package func run(handle: (IncomingFrame) throws -> Void, step: () throws -> Bool?) throws {
        while true {
            let seen = eventCounts.value
            outbox.roundsMade.wrappingAdd(1, ordering: .relaxed)
            try frames.sendHeartbeats()
            var progress = try post()
            progress = try advance() || progress
            progress = try frames.deliver(handle) || progress
            notifier.notify()
            guard let worked = try step() else { break }
            if progress || worked {
                idle.reset()
            } else {
                idle.pause(outbox, seen: seen, isTransferring: frames.isSending || collectives.isRunning)
            }
        }
        try finishSending()
    }

    /// Sends what is left in the outbox.
    private func finishSending() throws {
        idle.reset()
        var seen = eventCounts.value
        while try post() || frames.isSending {
            notifier.notify()
            if try !advance() { idle.pause(outbox, seen: seen, isTransferring: true) }
            seen = eventCounts.value
        }
    }

    /// Begins what other threads asked for.
    private func post() throws(ShardError) -> Bool {
        let items = outbox.items.takeAll()
        for item in items {
            switch item {
            case .frame(let frame, let destination, let picture):
                try frames.send(frame, to: destination, about: picture)
            case .collective(let begin, let completion): try collectives.begin(begin, completion)
            case .failure(let error): throw error
            case .wake: break
            }
        }
        return !items.isEmpty
    }

    /// Completes transfers that are over, and begins to receive what has come.
    private func advance() throws(ShardError) -> Bool {
        let hasSent = try frames.completeSends()
        let hasCompleted = try collectives.advance()
        let hasReceived = try frames.beginReceives()
        return hasSent || hasCompleted || hasReceived
    }
}
