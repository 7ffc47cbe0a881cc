/// What a thread does, as a watchdog sees it. A thread is stuck when it is not idle and its number stays the same.
package enum Activity: Equatable, Sendable {
    /// The thread has nothing to do.
    case idle
    /// The thread computes; the number changes whenever it makes progress.
    case working(UInt64)
    /// The thread waits for others (peers, a disk, a database); the number changes whenever it makes progress.
    case waiting(UInt64)
}
