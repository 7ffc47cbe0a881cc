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
    /// A piece takes long, and gets on.
    package func goesOn() { changes.wrappingAdd(2, ordering: .relaxed) }
    package func end() { changes.wrappingAdd(1, ordering: .relaxed) }

    /// Such pieces depend on files or a database, and count as waiting.
    package var activity: Activity {
        let count = changes.load(ordering: .relaxed)
        return count % 2 == 0 ? .idle : .waiting(count)
    }
}

/// How long something has stood still, in looks at it, not by a clock: a process that was stopped and goes on did not
/// look in between, and has not been stuck.
package struct Patience {
    private let looks: Int
    private var last: Activity = .idle
    private var still = 0

    /// - Parameters:
    ///   - limit: seconds.
    ///   - pause: seconds between two looks.
    package init(limit: Double, pause: Double) {
        looks = max(2, Int((limit / pause).rounded(.up)))
    }

    /// Takes a look; true when it has stood still for the limit, or for twice the limit while it waited for others.
    package mutating func isOver(with activity: Activity) -> Bool {
        defer { last = activity }
        guard activity == last, activity != .idle else {
            still = 0
            return false
        }
        still += 1
        if case .waiting = activity { return still >= 2 * looks }
        return still >= looks
    }
}
