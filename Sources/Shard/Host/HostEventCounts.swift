import CHostLock
import Foundation

/// The event counts on which the main threads of a host's ranks sleep, one for each rank. A rank's own threads notify
/// it when they leave something for the main thread, and the other ranks of the host when they sent something or have
/// received what they waited for.
///
/// MPI makes progress only while it is called, and ranks that share cores must not call it all the time.
final class HostEventCounts: @unchecked Sendable {
    // @unchecked: the memory is only touched by the C functions, which are atomic; `isClosed` under the lock.
    private let own: UnsafeMutableRawPointer
    /// Those of the host's other ranks, by their rank on the host.
    private let others: [(rank: Int, eventCount: UnsafeMutableRawPointer)]
    private let lock = NSLock()
    private var isClosed = false
    /// The memory of a rank that is alone on its host.
    private let owned: UnsafeMutableRawPointer?

    /// The size of the shared memory for `ranks` ranks, in bytes.
    static func bytes(ranks: Int) -> Int { ranks * pg_event_count_bytes() }

    /// - Parameter shared: Memory of all ranks of the host, zero at the start, this rank's number on the host and the
    ///   count of ranks there; nil for a rank that is alone.
    init(shared: (memory: UnsafeMutableRawPointer, rank: Int, count: Int)?) {
        let size = pg_event_count_bytes()
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

    /// The notifications of this rank so far: to be read before its main thread looks for work.
    var value: UInt32 { pg_event_count_value(own) }

    /// Notifies this rank's main thread.
    func notifyOwn() { lock.withLock { if !isClosed { pg_event_count_notify(own) } } }

    /// Notifies the main threads of other ranks of the host: all of them, or those with some numbers there.
    func notifyOthers(in ranks: Range<Int>? = nil) {
        for (rank, eventCount) in others where ranks?.contains(rank) ?? true { pg_event_count_notify(eventCount) }
    }

    /// Ends notifications: the memory is freed with the world, and another thread may still be about to notify.
    func close() { lock.withLock { isClosed = true } }

    /// Sleeps until this rank has been notified since its value was `seen`, or for the given time.
    func wait(seen: UInt32, seconds: Double) { pg_event_count_wait(own, seen, Int(seconds * 1e9)) }
}
