import CTurn
import Foundation

/// By what the main threads of a host's ranks sleep: each has a bell, which its own threads ring when they leave
/// something for it, and the other ranks of the host when they sent something or have got what they waited for.
///
/// MPI makes progress only while it is asked, and ranks that share cores must not ask all the time.
final class HostBells: @unchecked Sendable {
    // @unchecked: the memory is only touched by the C functions, which are atomic; `isClosed` under the lock.
    private let own: UnsafeMutableRawPointer
    /// Of the host's other ranks, by their place among them.
    private let others: [(place: Int, bell: UnsafeMutableRawPointer)]
    private let lock = NSLock()
    private var isClosed = false
    /// The memory of a rank that is alone on its host.
    private let owned: UnsafeMutableRawPointer?

    static func bytes(ranks: Int) -> Int { ranks * pg_bell_bytes() }

    /// - Parameter shared: memory of all ranks of the host, zero at the start, and this one's place among them.
    init(shared: (memory: UnsafeMutableRawPointer, rank: Int, count: Int)?) {
        let size = pg_bell_bytes()
        if let shared {
            own = shared.memory + shared.rank * size
            others = (0..<shared.count).filter { $0 != shared.rank }.map { ($0, shared.memory + $0 * size) }
            owned = nil
        } else {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
            (own, others, owned) = (memory, [], memory)
        }
    }

    deinit { owned?.deallocate() }

    /// How often this rank's bell rang: to be read before one looks for work.
    var count: UInt32 { pg_bell_count(own) }

    func ringOwn() { lock.withLock { if !isClosed { pg_bell_ring(own) } } }

    /// Rings the bells of other ranks, all of them or those in some places.
    func ringOthers(in places: Range<Int>? = nil) {
        for (place, bell) in others where places?.contains(place) ?? true { pg_bell_ring(bell) }
    }

    /// Nobody rings any more: the memory goes with the world, and a thread may still be on its way to the bell.
    func close() { lock.withLock { isClosed = true } }

    /// Sleeps until the own bell has rung since it was read as `seen`, or for the given time.
    func wait(seen: UInt32, seconds: Double) { pg_bell_wait(own, seen, Int(seconds * 1e9)) }
}
