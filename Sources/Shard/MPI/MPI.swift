import CMPI
import Foundation
import PaliGemma

/// Open MPI; this is the only file that calls it. All calls are made on the main thread of a rank.
///
/// Once the world has started nothing here blocks: transfers are begun and tested, because a blocking call of Open MPI
/// spins, and ranks may share cores.
final class MPI {
    let rank: Int
    let size: Int
    /// The communicator of frames; the collectives of a group have one of their own.
    private let frames: MPI_Comm
    /// The window of the memory that this host's ranks share.
    private var shared: MPI_Win?

    /// Joins the world that mpirun made, or a world of one.
    ///
    /// - Throws: `mpi`, as every call here.
    init() throws(ShardError) {
        var provided: Int32 = 0
        try Self.check(MPI_Init_thread(nil, nil, Int32(MPI_THREAD_FUNNELED), &provided), "MPI_Init_thread")
        let world = pg_mpi_comm_world()
        MPI_Comm_set_errhandler(world, pg_mpi_errors_return())
        var (rank, size): (Int32, Int32) = (0, 0)
        try Self.check(MPI_Comm_rank(world, &rank), "MPI_Comm_rank")
        try Self.check(MPI_Comm_size(world, &size), "MPI_Comm_size")
        var duplicate: MPI_Comm? = nil
        try Self.check(MPI_Comm_dup(world, &duplicate), "MPI_Comm_dup")
        guard let duplicate else { throw ShardError.mpi(call: "MPI_Comm_dup", reason: "gave no communicator") }
        self.rank = Int(rank)
        self.size = Int(size)
        frames = duplicate
        try meetAll()
    }

    /// Exchanges a word with every other rank, so that a pair of hosts that cannot reach each other is found at the start.
    private func meetAll() throws(ShardError) {
        let words = UnsafeMutablePointer<Int64>.allocate(capacity: 2)
        defer { words.deallocate() }
        words.initialize(repeating: 0, count: 2)
        // One pair after the other: a collective may go by way of a few ranks.
        for distance in 1..<max(size, 1) {
            let (next, last) = (Int32((rank + distance) % size), Int32((rank - distance + size) % size))
            try Self.check(
                MPI_Sendrecv(
                    words, 1, pg_mpi_int64(), next, 0, words + 1, 1, pg_mpi_int64(), last, 0, pg_mpi_comm_world(),
                    pg_mpi_status_ignore()), "MPI_Sendrecv")
        }
    }

    /// Returns a communicator of the ranks that pass the same color, in the order of their ranks; nil for those without
    /// one. Every rank of the world must call it.
    func split(color: Int?) throws(ShardError) -> Group? {
        var part: MPI_Comm? = nil
        let code = color.map(Int32.init) ?? pg_mpi_undefined()
        try Self.check(MPI_Comm_split(pg_mpi_comm_world(), code, Int32(rank), &part), "MPI_Comm_split")
        guard color != nil, let part else { return nil }
        var (rank, size): (Int32, Int32) = (0, 1)
        try Self.check(MPI_Comm_rank(part, &rank), "MPI_Comm_rank")
        try Self.check(MPI_Comm_size(part, &size), "MPI_Comm_size")
        return Group(communicator: part, rank: Int(rank), count: Int(size))
    }

    /// The ranks of this host, and memory that they share.
    struct Host {
        let rank: Int
        let count: Int
        let memory: UnsafeMutableRawPointer
    }

    /// Returns memory that the ranks of this host share, all zero at first; nil for a rank that is alone on its host,
    /// and where there is no shared memory. Every rank of the world must call it.
    ///
    /// - Parameter bytes: Returns its size in bytes for a number of ranks on the host.
    func shareMemory(bytes: (Int) -> Int) throws(ShardError) -> Host? {
        var host: MPI_Comm? = nil
        try Self.check(
            MPI_Comm_split_type(
                pg_mpi_comm_world(), pg_mpi_comm_type_shared(), Int32(rank), pg_mpi_info_null(), &host),
            "MPI_Comm_split_type")
        var (rank, count): (Int32, Int32) = (0, 1)
        try Self.check(MPI_Comm_rank(host, &rank), "MPI_Comm_rank")
        try Self.check(MPI_Comm_size(host, &count), "MPI_Comm_size")
        guard count > 1 else { return nil }
        let length = bytes(Int(count))
        var (own, first): (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) = (nil, nil)
        let code = MPI_Win_allocate_shared(
            MPI_Aint(rank == 0 ? length : 0), 1, pg_mpi_info_null(), host, &own, &shared)
        // A library without shared windows: ranks then have no compute lock and do not notify each other.
        guard code == MPI_SUCCESS else { return nil }
        var (unit, size): (Int32, MPI_Aint) = (0, 0)
        try Self.check(MPI_Win_shared_query(shared, 0, &size, &unit, &first), "MPI_Win_shared_query")
        guard let first else { throw ShardError.mpi(call: "MPI_Win_shared_query", reason: "gave no memory") }
        if rank == 0 { first.initializeMemory(as: UInt8.self, repeating: 0, count: length) }
        try Self.check(MPI_Barrier(host), "MPI_Barrier")
        return Host(rank: Int(rank), count: Int(count), memory: first)
    }

    /// Returns the smallest of the numbers that the ranks of the world give, when all have given theirs; all must ask.
    /// A rank that waits sleeps.
    func minimum(_ number: Int) throws(ShardError) -> Int {
        let numbers = UnsafeMutablePointer<Int64>.allocate(capacity: 2)
        defer { numbers.deallocate() }
        (numbers[0], numbers[1]) = (Int64(number), 0)
        let request = Request(nil)
        try Self.check(
            MPI_Iallreduce(
                numbers, numbers + 1, 1, pg_mpi_int64(), pg_mpi_min(), pg_mpi_comm_world(), &request.handle),
            "MPI_Iallreduce")
        while try !request.test() { usleep(500) }
        return Int(numbers[1])
    }

    /// Returns what each rank of this host gives, in the order of their ranks, and which of them is this one; every
    /// rank of the world must call it, with as many words. A rank that waits sleeps.
    func gatherOnHost(_ own: [UInt64]) throws(ShardError) -> (rank: Int, words: [[UInt64]]) {
        var host: MPI_Comm? = nil
        try Self.check(
            MPI_Comm_split_type(
                pg_mpi_comm_world(), pg_mpi_comm_type_shared(), Int32(rank), pg_mpi_info_null(), &host),
            "MPI_Comm_split_type")
        defer { MPI_Comm_free(&host) }
        var (rank, count): (Int32, Int32) = (0, 1)
        try Self.check(MPI_Comm_rank(host, &rank), "MPI_Comm_rank")
        try Self.check(MPI_Comm_size(host, &count), "MPI_Comm_size")
        let length = Int32(own.count)
        let (sent, all) = (
            UnsafeMutableBufferPointer<UInt64>.allocate(capacity: own.count),
            UnsafeMutableBufferPointer<UInt64>.allocate(capacity: own.count * Int(count))
        )
        defer {
            sent.deallocate()
            all.deallocate()
        }
        _ = sent.initialize(from: own)
        all.initialize(repeating: 0)
        let request = Request(nil)
        try Self.check(
            MPI_Iallgather(
                sent.baseAddress, length, pg_mpi_uint64(), all.baseAddress, length, pg_mpi_uint64(), host,
                &request.handle), "MPI_Iallgather")
        while try !request.test() { usleep(500) }
        return (Int(rank), (0..<Int(count)).map { Array(all[$0 * own.count..<($0 + 1) * own.count]) })
    }

    /// Leaves the world together with all other ranks.
    func finalize() {
        if shared != nil { MPI_Win_free(&shared) }
        MPI_Finalize()
    }

    /// Ends the whole world at once.
    static func abort(code: Int32) -> Never {
        MPI_Abort(pg_mpi_comm_world(), code)
        exit(code)
    }

    // MARK: Frames

    /// Begins to send; the memory must stay valid until the request is complete.
    func send(_ bytes: UnsafeRawBufferPointer, to destination: Int, tag: Int) throws(ShardError) -> Request {
        guard let count = Int32(exactly: bytes.count) else {
            throw ShardError.mpi(call: "MPI_Isend", reason: "\(bytes.count) bytes are more than one message holds")
        }
        var request: MPI_Request? = nil
        try Self.check(
            MPI_Isend(bytes.baseAddress, count, pg_mpi_byte(), Int32(destination), Int32(tag), frames, &request),
            "MPI_Isend")
        return Request(request)
    }

    /// Begins to receive a frame that has begun to arrive; nil where there is none.
    func receive() throws(ShardError) -> Arrival? {
        var found: Int32 = 0
        var message: MPI_Message? = nil
        var status = MPI_Status()
        // One probe looks at what the library has and only then at the network: what it finds there is returned by the
        // next probe. A rank that probed once would sleep although a frame is there.
        for _ in 0..<2 where found == 0 {
            try Self.check(
                MPI_Improbe(pg_mpi_any_source(), pg_mpi_any_tag(), frames, &found, &message, &status), "MPI_Improbe")
        }
        guard found != 0 else { return nil }
        var count: Int32 = 0
        try Self.check(MPI_Get_count(&status, pg_mpi_byte(), &count), "MPI_Get_count")
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(count), alignment: 64)
        var request: MPI_Request? = nil
        try Self.check(MPI_Imrecv(memory.baseAddress, count, pg_mpi_byte(), &message, &request), "MPI_Imrecv")
        return Arrival(
            source: Int(status.MPI_SOURCE), tag: Int(status.MPI_TAG), memory: memory, request: Request(request))
    }

    // MARK: Collectives

    // The library reads the arrays of counts until a collective is complete: they move into the request.

    /// Begins an all-gather: every rank's part lands at its offset of `all`, on every rank. Counts and offsets are in
    /// elements of `type`.
    func allGather(
        _ own: UnsafeRawPointer, count: Int32, into all: UnsafeMutableRawPointer, counts: [Int32], offsets: [Int32],
        of type: MPI_Datatype?, on group: Group
    ) throws(ShardError) -> Request {
        let request = Request(nil, keeping: [counts, offsets])
        try Self.check(
            MPI_Iallgatherv(
                own, count, type, all, request.kept[0], request.kept[1], type, group.communicator, &request.handle),
            "MPI_Iallgatherv")
        return request
    }

    /// Begins an all-to-all: part r of `parts` goes to rank r, and parts received land at their offsets. Counts and
    /// offsets are in elements of `type`.
    func allToAll(
        _ parts: UnsafeRawPointer, counts: [Int32], offsets: [Int32], into received: UnsafeMutableRawPointer,
        receiveCounts: [Int32], receiveOffsets: [Int32], of type: MPI_Datatype?, on group: Group
    ) throws(ShardError) -> Request {
        let request = Request(nil, keeping: [counts, offsets, receiveCounts, receiveOffsets])
        try Self.check(
            MPI_Ialltoallv(
                parts, request.kept[0], request.kept[1], type, received, request.kept[2], request.kept[3], type,
                group.communicator, &request.handle), "MPI_Ialltoallv")
        return request
    }

    /// Returns MPI's type of a number on the wire.
    static func type(of format: LinkFormat) -> MPI_Datatype? {
        switch format {
        case .float32: return pg_mpi_float()
        case .bfloat16: return pg_mpi_uint16()
        }
    }

    private static func check(_ code: Int32, _ call: String) throws(ShardError) {
        guard code != MPI_SUCCESS else { return }
        var text = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING))
        var length: Int32 = 0
        MPI_Error_string(code, &text, &length)
        let reason = String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        throw ShardError.mpi(call: call, reason: reason)
    }

    /// A frame that is being received.
    final class Arrival {
        let source: Int
        let tag: Int
        let memory: UnsafeMutableRawBufferPointer
        let request: Request

        fileprivate init(source: Int, tag: Int, memory: UnsafeMutableRawBufferPointer, request: Request) {
            self.source = source
            self.tag = tag
            self.memory = memory
            self.request = request
        }

        deinit { memory.deallocate() }
    }

    /// A communicator of some ranks, seen from one of them.
    struct Group {
        let communicator: MPI_Comm
        let rank: Int
        let count: Int
    }

    /// A transfer that is running.
    final class Request {
        fileprivate var handle: MPI_Request?
        /// Arrays that the library reads while the transfer runs, at addresses that stay.
        fileprivate let kept: [UnsafeMutablePointer<Int32>]

        fileprivate init(_ handle: MPI_Request?, keeping arrays: [[Int32]] = []) {
            self.handle = handle
            kept = arrays.map { array in
                let copy = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, array.count))
                copy.update(from: array, count: array.count)
                return copy
            }
        }

        deinit { for array in kept { array.deallocate() } }

        /// Returns whether the transfer is complete; makes progress on all others meanwhile.
        func test() throws(ShardError) -> Bool {
            var done: Int32 = 0
            try MPI.check(MPI_Test(&handle, &done, pg_mpi_status_ignore()), "MPI_Test")
            return done != 0
        }
    }
}
