import Base
import Foundation
import PaliGemma
import Synchronization
import Tensor
import Wire

/// The main thread of a rank: it owns MPI, moves frames and collectives, and computes nothing. So an order is
/// answered during a long vision pass, and a transfer makes progress while other threads compute.
package final class RankLoop {
    package var rank: Int { mpi.rank }
    package var size: Int { mpi.size }

    /// A frame that came in.
    package struct Incoming {
        package let source: Int
        /// The picture whose features the frame holds, or 0: known even where the frame is damaged.
        package let picture: UInt64
        package let bytes: UnsafeRawBufferPointer
    }

    package typealias FrameHandler = (Incoming) throws -> Void

    /// What fits into a tag of MPI beside the frame.
    private static let largestPicture: UInt64 = (1 << 30) - 1

    /// The tag of a sign of life, which is a message without bytes; no frame bears it.
    private static let signOfLife = 1 << 30

    private let mpi: MPI
    private let host: MPI.Host?
    private let bells: HostBells
    private let outbox: RankOutbox
    private var outgoing: [(request: MPI.Request, memory: UnsafeMutableRawBufferPointer)] = []
    private var incoming: [Int: [MPI.Arrival]] = [:]
    private var collectives: [(request: MPI.Request, ticket: Ticket)] = []
    private var toSelf: [(frame: [UInt8], picture: UInt64)] = []
    private var idle: Idle
    private var signs: SignsOfLife?
    /// Whom this round's frames and collectives concern: all ranks of the host, or those of the group.
    private var (hostHasNews, groupHasNews) = (false, false)
    /// The group's ranks, by their places on the host; nil where these are not known.
    private var groupPlaces: Range<Int>?

    /// Joins the world.
    package init() throws(ShardError) {
        mpi = try MPI()
        host = try mpi.shareMemory { ranks in HostTurn.bytes + HostBells.bytes(ranks: ranks) }
        bells = HostBells(shared: host.map { ($0.memory + HostTurn.bytes, $0.rank, $0.count) })
        // Without single copies a message goes through shared memory piece by piece, and no bell rings for a piece.
        let singleCopies =
            ProcessInfo.processInfo.environment["OMPI_MCA_btl_vader_single_copy_mechanism"] != "none"
        let hearsAll = mpi.size == 1 || host?.count == mpi.size && singleCopies
        outbox = RankOutbox(bells: bells, hearsAll: hearsAll)
        idle = Idle(hearsAll: hearsAll)
    }

    /// The way to this loop from other threads.
    package var sender: RankOutbox { outbox }

    /// A tensor-parallel group of the ranks that call this with `member` true; all ranks of the world must call it.
    ///
    /// - Parameters:
    ///   - link: how activations travel between its ranks.
    ///   - team: the rank's threads, which round for the wire.
    ///   - turn: given on while the stage's thread waits for peers.
    package func makeGroup(
        member: Bool, link: LinkFormat, team: ThreadTeam, turn: HostTurn?, timeline: Timeline? = nil
    ) throws(ShardError) -> (any TensorParallelGroup)? {
        guard let members = try mpi.split(color: member ? 1 : nil) else { return nil }
        if members.count == 1 { return SingleRank() }
        // Where all ranks are on one host they are numbered alike there; a group's follow each other.
        let first = mpi.rank - members.rank
        if host?.count == mpi.size { groupPlaces = first..<first + members.count }
        return MPIGroup(
            members, link: link, codec: LinkCodec(team: team), outbox: outbox, turn: turn, timeline: timeline)
    }

    /// What the ranks of this host take turns by; nil for a rank that is alone there.
    ///
    /// - Parameter team: the rank's threads, which work while the turn is its own.
    package func makeTurn(for team: ThreadTeam) -> HostTurn? {
        host.map { HostTurn(memory: $0.memory, onTake: { team.wake() }, onGive: { team.park() }) }
    }

    /// Whether all ranks of the world say yes; all must ask, before their stages run.
    package func allAgree(_ yes: Bool) throws(ShardError) -> Bool { try mpi.allAgree(yes) }

    /// From here on, while the loop runs, the ranks tell each other that they live: all of them rank 0, and rank 0 all.
    /// A rank that is stopped cannot watch itself.
    package func exchangeSignsOfLife(everySeconds interval: Double) -> SignsOfLife? {
        guard size > 1 else { return nil }
        let signs = SignsOfLife(of: rank == 0 ? Array(1..<size) : [0], interval: interval)
        self.signs = signs
        return signs
    }

    /// Moves frames and collectives until `step` says that it is done.
    ///
    /// - Parameters:
    ///   - handle: gets every frame for this rank; frames of one sender come in the order in which they were sent.
    ///   - step: called in every round; returns whether it did something, or nil when the loop shall end.
    package func run(handle: FrameHandler, step: () throws -> Bool?) throws {
        while true {
            let rung = bells.count
            outbox.roundsMade.wrappingAdd(1, ordering: .relaxed)
            try giveSignOfLife()
            var progress = try post()
            progress = try advance() || progress
            progress = try deliver(handle) || progress
            ringNews()
            guard let worked = try step() else { break }
            if progress || worked {
                idle.reset()
            } else {
                idle.pause(outbox, since: rung, transferring: !outgoing.isEmpty || !collectives.isEmpty)
            }
        }
        idle.reset()
        var rung = bells.count
        while try post() || !outgoing.isEmpty {
            ringNews()
            if try !advance() { idle.pause(outbox, since: rung, transferring: true) }
            rung = bells.count
        }
    }

    /// Leaves the world; all ranks must.
    package func finalize() {
        bells.close()
        mpi.finalize()
    }

    /// Ends the whole world because this rank cannot go on.
    package static func abort(code: Int32) -> Never { MPI.abort(code: code) }

    /// Tells other ranks of the host that there is something for them.
    private func ringNews() {
        if hostHasNews {
            bells.ringOthers()
        } else if groupHasNews {
            bells.ringOthers(in: groupPlaces)
        }
        (hostHasNews, groupHasNews) = (false, false)
    }

    /// Begins what other threads asked for.
    private func post() throws(ShardError) -> Bool {
        let requests = outbox.requests.takeAll()
        for request in requests {
            switch request {
            case .send(let frame, let destination, let picture):
                if destination == rank {
                    toSelf.append((frame, picture))
                } else {
                    try send(frame, to: destination, about: picture)
                    hostHasNews = true
                }
            case .collective(let begin, let ticket):
                collectives.append((try begin(mpi), ticket))
                groupHasNews = true
            case .failure(let error):
                throw error
            case .wake:
                break
            }
        }
        return !requests.isEmpty
    }

    private func send(_ frame: [UInt8], to destination: Int, about picture: UInt64) throws(ShardError) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: frame.count, alignment: 64)
        memory.copyBytes(from: frame)
        outbox.sentBytes.wrappingAdd(frame.count, ordering: .relaxed)
        let tag = Int(picture & Self.largestPicture)
        outgoing.append((try mpi.send(UnsafeRawBufferPointer(memory), to: destination, tag: tag), memory))
    }

    private func giveSignOfLife() throws(ShardError) {
        guard let signs, signs.isDue() else { return }
        for peer in signs.peers {
            let nothing = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
            let request = try mpi.send(UnsafeRawBufferPointer(nothing), to: peer, tag: Self.signOfLife)
            outgoing.append((request, nothing))
        }
    }

    /// Completes transfers that are through, and begins to receive what has come.
    private func advance() throws(ShardError) -> Bool {
        var progress = false
        var waiting: [(request: MPI.Request, memory: UnsafeMutableRawBufferPointer)] = []
        for entry in outgoing {
            if try entry.request.test() {
                entry.memory.deallocate()
                progress = true
            } else {
                waiting.append(entry)
            }
        }
        outgoing = waiting

        var running: [(request: MPI.Request, ticket: Ticket)] = []
        for entry in collectives {
            if try entry.request.test() {
                entry.ticket.complete(.success(()))
                groupHasNews = true
                progress = true
            } else {
                running.append(entry)
            }
        }
        collectives = running

        while size > 1, let arrival = try mpi.receive() {
            if arrival.tag == Self.signOfLife {
                // Empty, so it is through with its arrival.
                signs?.note(from: arrival.source)
                _ = try arrival.request.test()
                continue
            }
            incoming[arrival.source, default: []].append(arrival)
            hostHasNews = true
            progress = true
        }
        return progress
    }

    /// Hands over complete frames, each sender's in order.
    private func deliver(_ handle: FrameHandler) throws -> Bool {
        var progress = false
        while !toSelf.isEmpty {
            let (frame, picture) = toSelf.removeFirst()
            try frame.withUnsafeBytes { bytes in
                try handle(Incoming(source: rank, picture: picture, bytes: bytes))
            }
            progress = true
        }
        for source in incoming.keys.sorted() {
            while let first = incoming[source]?.first, try first.request.test() {
                hostHasNews = true
                incoming[source]?.removeFirst()
                let bytes = UnsafeRawBufferPointer(first.memory)
                try handle(Incoming(source: source, picture: UInt64(first.tag), bytes: bytes))
                progress = true
            }
        }
        return progress
    }

    /// How a rank waits without stealing a core from one that computes: a short spin, then sleeps by its bell that
    /// grow. While the stage's thread waits for a transfer they stay short, or, where its cores are idle meanwhile,
    /// there are none. Where all ranks are on this host the bell tells of everything, and sleeps may be long.
    private struct Idle {
        private static let spin: UInt64 = 20_000
        private static let spinOnIdleCores: UInt64 = 500_000
        let hearsAll: Bool
        private var since: UInt64?
        private var sleep = 50e-6

        init(hearsAll: Bool) { self.hearsAll = hearsAll }

        mutating func reset() {
            since = nil
            sleep = hearsAll ? 1e-3 : 50e-6
        }

        mutating func pause(_ outbox: RankOutbox, since rung: UInt32, transferring: Bool) {
            let isAwaited = outbox.isAwaited
            if !hearsAll || outbox.hasIdleCores {
                let now = DispatchTime.now().uptimeNanoseconds
                guard let since else {
                    self.since = now
                    return
                }
                if now - since < (isAwaited && outbox.hasIdleCores ? Self.spinOnIdleCores : Self.spin) { return }
            }
            if isAwaited, !hearsAll { sleep = min(sleep, 50e-6) }
            outbox.bells.wait(seen: rung, seconds: sleep)
            let longest = hearsAll ? 4e-3 : isAwaited ? 50e-6 : transferring ? 500e-6 : 1e-3
            sleep = min(sleep * 1.5, longest)
        }
    }
}

/// What other threads ask of a rank's main thread.
package final class RankOutbox: FrameSender, Sendable {
    enum Request {
        case send([UInt8], to: Int, about: UInt64)
        case collective(begin: (MPI) throws(ShardError) -> MPI.Request, Ticket)
        case failure(ShardError)
        case wake
    }

    let requests = Mailbox<Request>()
    private let hearsAll: Bool
    let bells: HostBells
    let roundsMade = Atomic<UInt64>(0)
    /// How often the main thread has gone round, for a watchdog.
    package var rounds: UInt64 { roundsMade.load(ordering: .relaxed) }
    /// Bytes of the frames that went to other ranks.
    let sentBytes = Atomic<Int>(0)
    package var sentFrameBytes: Int { sentBytes.load(ordering: .relaxed) }
    private let awaiting = Atomic<Bool>(false)
    private let idleCores = Atomic<Bool>(false)

    /// Whether the stage's thread waits for a transfer.
    package var isAwaited: Bool { awaiting.load(ordering: .relaxed) }
    /// Whether cores are idle while it does, for no other rank shares them.
    package var hasIdleCores: Bool {
        get { idleCores.load(ordering: .relaxed) }
        set { idleCores.store(newValue, ordering: .relaxed) }
    }

    /// Waits for a transfer, which the main thread makes haste with meanwhile.
    func wait(for ticket: Ticket) -> Result<Void, ShardError> {
        awaiting.store(true, ordering: .relaxed)
        defer { awaiting.store(false, ordering: .relaxed) }
        // Where bells tell of everything and cores are shared there is no haste to make.
        if !hearsAll || hasIdleCores { put(.wake) }
        return ticket.wait()
    }

    init(bells: HostBells, hearsAll: Bool) {
        self.bells = bells
        self.hearsAll = hearsAll
    }

    package func send(_ frame: [UInt8], to rank: Int, about picture: UInt64) {
        put(.send(frame, to: rank, about: picture))
    }

    func put(_ request: Request) {
        requests.put(request)
        bells.ringOwn()
    }

    /// Ends the rank's loop with an error.
    package func fail(_ error: ShardError) { put(.failure(error)) }

    /// Wakes the main thread, for its step has something to do.
    package func wake() { put(.wake) }
}
