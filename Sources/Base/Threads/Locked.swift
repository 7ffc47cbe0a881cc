import Foundation

/// A value that is accessed under a lock. It is used instead of Synchronization's `Mutex` because ThreadSanitizer does not
/// see the futex operations of a `Mutex` that is waited for, and reports races.
package final class Locked<Value>: @unchecked Sendable {
    // @unchecked: every access holds the lock.
    private let lock = NSLock()
    private var value: Value

    package init(_ value: sending Value) { self.value = value }

    /// Calls `body` with the value while the lock is held.
    ///
    /// - Throws: what `body` throws.
    package func withLock<Result: Sendable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
