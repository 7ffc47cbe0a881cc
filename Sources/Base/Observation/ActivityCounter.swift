import Synchronization

/// A thread's own count of its pieces of work, which a watchdog reads from another thread.
package final class ActivityCounter: Sendable {
    // Odd while a piece is in progress.
    private let changes = Atomic<UInt64>(0)

    package init() {}

    /// Says that a piece of work begins.
    package func begin() { changes.wrappingAdd(1, ordering: .relaxed) }

    /// Says that a long piece of work has made progress.
    package func advance() { changes.wrappingAdd(2, ordering: .relaxed) }

    /// Says that the piece of work has ended.
    package func end() { changes.wrappingAdd(1, ordering: .relaxed) }

    /// The activity of the thread. Pieces that are counted here depend on files or a database, so they count as waiting.
    package var activity: Activity {
        let count = changes.load(ordering: .relaxed)
        return count % 2 == 0 ? .idle : .waiting(count)
    }
}
