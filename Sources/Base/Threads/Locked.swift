import Foundation

/// A value behind a lock. As Synchronization's `Mutex`, but with pthread's lock: where a thread has to wait for a
/// `Mutex`, the kernel hands it over, which ThreadSanitizer does not see and calls a race.
package final class Locked<Value>: @unchecked Sendable {
    // @unchecked: every access holds the lock.
    private let lock = NSLock()
    private var value: Value

    package init(_ value: sending Value) { self.value = value }

    package func withLock<Result: Sendable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
