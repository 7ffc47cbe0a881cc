import Foundation

/// The result of an operation that one thread waits for and another completes, once.
final class Completion: @unchecked Sendable {
    // @unchecked: every access holds the lock.
    private let condition = NSCondition()
    private var outcome: Result<Void, ShardError>?

    /// Sets the result and wakes the thread that waits for it.
    func complete(_ result: Result<Void, ShardError>) {
        condition.withLock {
            outcome = result
            condition.signal()
        }
    }

    /// The result; nil before the operation is complete.
    var result: Result<Void, ShardError>? { condition.withLock { outcome } }

    /// Sleeps until the operation is complete and returns its result.
    func wait() -> Result<Void, ShardError> {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let outcome { return outcome }
            condition.wait()
        }
    }
}
