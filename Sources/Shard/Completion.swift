import Foundation

/// A result that one thread waits for and another gives, once.
final class Ticket: @unchecked Sendable {
    // @unchecked: every access holds the lock.
    private let condition = NSCondition()
    private var outcome: Result<Void, ShardError>?

    func complete(_ result: Result<Void, ShardError>) {
        condition.withLock {
            outcome = result
            condition.signal()
        }
    }

    /// What was given, if it was.
    var result: Result<Void, ShardError>? { condition.withLock { outcome } }

    func wait() -> Result<Void, ShardError> {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let outcome { return outcome }
            condition.wait()
        }
    }
}
