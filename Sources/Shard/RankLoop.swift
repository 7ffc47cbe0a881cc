import CMPI
import Foundation
import PaliGemma
import Wire

/// The main thread of a rank: it owns MPI, moves frames and collectives, and computes nothing. So an order is
/// answered during a long vision pass, and a transfer makes progress while other threads compute.
package final class RankLoop {
    package var rank: Int { mpi.rank }
    package var size: Int { mpi.size }

    /// Whoever is handed the frames: their sender and their bytes.
    package typealias FrameHandler = (_ source: Int, _ frame: UnsafeRawBufferPointer) throws -> Void

    private let mpi: MPI
    private let outbox = RankOutbox()
    private var outgoing: [(request: MPI.Request, memory: UnsafeMutableRawBufferPointer)] = []
    private var incoming: [Int: [Arrival]] = [:]
    private var collectives: [(request: MPI.Request, ticket: Ticket)] = []
    private var toSelf: [[UInt8]] = []
    private var idle = Idle()

    private final class Arrival {
        let memory: UnsafeMutableRawBufferPointer
        let request: MPI.Request
        var complete = false

        init(memory: UnsafeMutableRawBufferPointer, request: MPI.Request) {
            self.memory = memory
            self.request = request
        }

        deinit { memory.deallocate() }
    }

    /// Joins the world.
    package init() throws(ShardError) {
        mpi = try MPI()
    }

    /// The way to this loop from other threads.
    package var sender: RankOutbox { outbox }

    /// A tensor-parallel group of the ranks that call this with `member` true; all ranks of the world must call it.
    package func makeGroup(member: Bool, timeline: Timeline? = nil) throws(ShardError) -> MPIGroup? {
        guard let communicator = try mpi.split(color: member ? 1 : nil) else { return nil }
        return MPIGroup(communicator: communicator, outbox: outbox, timeline: timeline)
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
        while try !outgoing.isEmpty || post() { _ = try advance() }
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
            case .send(let frame, let destination):
                if destination == rank { toSelf.append(frame) } else { try send(frame, to: destination) }
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

    private func send(_ frame: [UInt8], to destination: Int) throws(ShardError) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: frame.count, alignment: 64)
        memory.copyBytes(from: frame)
        outgoing.append((try mpi.send(UnsafeRawBufferPointer(memory), to: destination), memory))
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

        while size > 1, let (source, memory, request) = try mpi.receive() {
            incoming[source, default: []].append(Arrival(memory: memory, request: request))
            progress = true
        }
        return progress
    }

    /// Hands over complete frames, each sender's in order.
    private func deliver(_ handle: FrameHandler) throws -> Bool {
        var progress = false
        while !toSelf.isEmpty {
            let frame = toSelf.removeFirst()
            try frame.withUnsafeBytes { try handle(rank, $0) }
            progress = true
        }
        for source in incoming.keys.sorted() {
            while let first = incoming[source]?.first, try first.request.test() {
                incoming[source]?.removeFirst()
                try handle(source, UnsafeRawBufferPointer(first.memory))
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
        case send([UInt8], to: Int)
        case collective(begin: (MPI) throws(ShardError) -> MPI.Request, Ticket)
        case failure(ShardError)
        case wake
    }

    let requests = Mailbox<Request>()

    package func send(_ frame: [UInt8], to rank: Int) { requests.put(.send(frame, to: rank)) }

    /// Ends the rank's loop with an error.
    package func fail(_ error: ShardError) { requests.put(.failure(error)) }

    /// Wakes the main thread, for its step has something to do.
    package func wake() { requests.put(.wake) }
}
