import Synchronization

/// What a thread is at, as a watchdog sees it: one that is neither idle nor gets on is stuck.
package enum Activity: Equatable, Sendable {
    case idle
    /// At work; the number changes as it gets on.
    case working(UInt64)
    /// Waiting for others; the number changes as it gets on.
    case waiting(UInt64)
}

/// A thread's own word on its activity: one piece of work after the other.
package final class ActivityMark: Sendable {
    // Odd while a piece is being done.
    private let changes = Atomic<UInt64>(0)

    package init() {}

    package func begin() { changes.wrappingAdd(1, ordering: .relaxed) }
    package func end() { changes.wrappingAdd(1, ordering: .relaxed) }

    /// Such pieces depend on files or a database, and count as waiting.
    package var activity: Activity {
        let count = changes.load(ordering: .relaxed)
        return count % 2 == 0 ? .idle : .waiting(count)
    }
}
