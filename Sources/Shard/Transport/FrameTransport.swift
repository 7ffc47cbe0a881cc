import Synchronization

/// A frame that came in.
package struct IncomingFrame {
    package let source: Int
    /// The picture whose features the frame holds, or 0: known even where the frame is damaged.
    package let picture: UInt64
    package let bytes: UnsafeRawBufferPointer
}

/// Frames that this rank is sending and receiving, and its heartbeats. Used on the main thread.
final class FrameTransport {
    typealias Handler = (IncomingFrame) throws -> Void

    /// The maximum number of a picture: MPI's tags hold it beside the frame.
    private static let maximumPicture: UInt64 = (1 << 30) - 1
    /// The tag of a heartbeat, which is a message without bytes; no frame has it.
    private static let heartbeatTag = 1 << 30

    private let mpi: MPI
    private let outbox: RankOutbox
    private let notifier: HostNotifier
    private var sending: [(request: MPI.Request, memory: UnsafeMutableRawBufferPointer)] = []
    private var receiving: [Int: [MPI.Arrival]] = [:]
    private var toSelf: [(frame: [UInt8], picture: UInt64)] = []
    /// Nil before heartbeats begin.
    var liveness: Liveness?

    init(_ mpi: MPI, outbox: RankOutbox, notifier: HostNotifier) {
        self.mpi = mpi
        self.outbox = outbox
        self.notifier = notifier
    }

    var isSending: Bool { !sending.isEmpty }

    /// Begins to send a frame; one for this rank is delivered without MPI.
    ///
    /// - Throws: `mpi`.
    func send(_ frame: [UInt8], to destination: Int, about picture: UInt64) throws(ShardError) {
        guard destination != mpi.rank else { return toSelf.append((frame, picture)) }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: frame.count, alignment: 64)
        memory.copyBytes(from: frame)
        outbox.sentBytes.wrappingAdd(frame.count, ordering: .relaxed)
        let tag = Int(picture & Self.maximumPicture)
        sending.append((try mpi.send(UnsafeRawBufferPointer(memory), to: destination, tag: tag), memory))
        notifier.noteFrame()
    }

    /// Sends a heartbeat to every peer when the next one is due.
    ///
    /// - Throws: `mpi`.
    func sendHeartbeats() throws(ShardError) {
        guard let liveness, liveness.isDue() else { return }
        for peer in liveness.peers {
            let nothing = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
            let request = try mpi.send(UnsafeRawBufferPointer(nothing), to: peer, tag: Self.heartbeatTag)
            sending.append((request, nothing))
        }
    }

    /// Frees what has been sent.
    ///
    /// - Returns: Whether anything was.
    /// - Throws: `mpi`.
    func completeSends() throws(ShardError) -> Bool {
        var waiting: [(request: MPI.Request, memory: UnsafeMutableRawBufferPointer)] = []
        for entry in sending {
            if try entry.request.test() { entry.memory.deallocate() } else { waiting.append(entry) }
        }
        defer { sending = waiting }
        return waiting.count < sending.count
    }

    /// Begins to receive the frames that have come.
    ///
    /// - Returns: Whether any have.
    /// - Throws: `mpi`.
    func beginReceives() throws(ShardError) -> Bool {
        var progress = false
        while mpi.size > 1, let arrival = try mpi.receive() {
            if arrival.tag == Self.heartbeatTag {
                // It has no bytes, so it has arrived.
                liveness?.noteHeartbeat(from: arrival.source)
                _ = try arrival.request.test()
                continue
            }
            receiving[arrival.source, default: []].append(arrival)
            notifier.noteFrame()
            progress = true
        }
        return progress
    }

    /// Hands over the frames that have arrived, each sender's in the order in which they were sent.
    ///
    /// - Returns: Whether there were any.
    /// - Throws: `mpi`, and what `handle` throws.
    func deliver(_ handle: Handler) throws -> Bool {
        var progress = false
        while !toSelf.isEmpty {
            let (frame, picture) = toSelf.removeFirst()
            try frame.withUnsafeBytes { bytes in
                try handle(IncomingFrame(source: mpi.rank, picture: picture, bytes: bytes))
            }
            progress = true
        }
        for source in receiving.keys.sorted() {
            while let first = receiving[source]?.first, try first.request.test() {
                notifier.noteFrame()
                receiving[source]?.removeFirst()
                let bytes = UnsafeRawBufferPointer(first.memory)
                try handle(IncomingFrame(source: source, picture: UInt64(first.tag), bytes: bytes))
                progress = true
            }
        }
        return progress
    }
}
