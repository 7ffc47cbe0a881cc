import Foundation
import PaliGemma
import Synchronization
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

    private let mpi: MPI
    private let outbox = RankOutbox()
    private var outgoing: [(request: MPI.Request, memory: UnsafeMutableRawBufferPointer)] = []
    private var incoming: [Int: [MPI.Arrival]] = [:]
    private var collectives: [(request: MPI.Request, ticket: Ticket)] = []
    private var toSelf: [(frame: [UInt8], picture: UInt64)] = []
    private var idle = Idle()

    /// Joins the world.
    package init() throws(ShardError) {
        mpi = try MPI()
    }

    /// The way to this loop from other threads.
    package var sender: RankOutbox { outbox }

    /// A tensor-parallel group of the ranks that call this with `member` true; all ranks of the world must call it.
    package func makeGroup(
        member: Bool, timeline: Timeline? = nil
    ) throws(ShardError) -> (any TensorParallelGroup)? {
        guard let members = try mpi.split(color: member ? 1 : nil) else { return nil }
        return members.count == 1 ? SingleRank() : MPIGroup(members, outbox: outbox, timeline: timeline)
    }

    /// Moves frames and collectives until `step` says that it is done.
    ///
    /// - Parameters:
    ///   - handle: gets every frame for this rank; frames of one sender come in the order in which they were sent.
    ///   - step: called in every round; returns whether it did something, or nil when the loop shall end.
    package func run(handle: FrameHandler, step: () throws -> Bool?) throws {
        while true {
            var progress = try post()
            progress = try advance() || progress
            progress = try deliver(handle) || progress
            guard let worked = try step() else { break }
            if progress || worked {
                idle.reset()
            } else {
                idle.pause(outbox.requests, transferring: !outgoing.isEmpty || !collectives.isEmpty)
            }
        }
        idle.reset()
        while try post() || !outgoing.isEmpty {
            if try !advance() { idle.pause(outbox.requests, transferring: true) }
        }
    }

    /// Leaves the world; all ranks must.
    package func finalize() { mpi.finalize() }

    /// Ends the whole world because this rank cannot go on.
    package static func abort(code: Int32) -> Never { MPI.abort(code: code) }

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
                }
            case .collective(let begin, let ticket):
                collectives.append((try begin(mpi), ticket))
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
                progress = true
            } else {
                running.append(entry)
            }
        }
        collectives = running

        while size > 1, let arrival = try mpi.receive() {
            incoming[arrival.source, default: []].append(arrival)
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
                incoming[source]?.removeFirst()
                let bytes = UnsafeRawBufferPointer(first.memory)
                try handle(Incoming(source: source, picture: UInt64(first.tag), bytes: bytes))
                progress = true
            }
        }
        return progress
    }

    /// How a rank waits without stealing a core from one that computes: a short spin, then sleeps that grow.
    private struct Idle {
        private static let spin: UInt64 = 20_000
        private var since: UInt64?
        private var sleep = 50e-6

        mutating func reset() {
            since = nil
            sleep = 50e-6
        }

        mutating func pause(_ mailbox: Mailbox<RankOutbox.Request>, transferring: Bool) {
            let now = DispatchTime.now().uptimeNanoseconds
            guard let since else {
                self.since = now
                return
            }
            if now - since < Self.spin { return }
            mailbox.wait(seconds: sleep)
            sleep = min(sleep * 1.5, transferring ? 200e-6 : 1e-3)
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
    /// Bytes of the frames that went to other ranks.
    let sentBytes = Atomic<Int>(0)
    package var sentFrameBytes: Int { sentBytes.load(ordering: .relaxed) }

    package func send(_ frame: [UInt8], to rank: Int, about picture: UInt64) {
        requests.put(.send(frame, to: rank, about: picture))
    }

    /// Ends the rank's loop with an error.
    package func fail(_ error: ShardError) { requests.put(.failure(error)) }

    /// Wakes the main thread, for its step has something to do.
    package func wake() { requests.put(.wake) }
}
