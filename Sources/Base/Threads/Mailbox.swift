import Foundation

/// What some threads leave for another, in order. It sleeps on it, by the monotonic clock: nobody who sets the wall
/// clock can freeze a rank or a lease.
package final class Mailbox<Item>: @unchecked Sendable {
    // @unchecked: every access to the items holds the lock.
    private let lock = NSLock()
    private let arrivals = DispatchSemaphore(value: 0)
    private var items: [Item] = []
    private var isClosed = false

    package init() {}

    package func put(_ item: Item) {
        lock.withLock { items.append(item) }
        arrivals.signal()
    }

    /// Nothing will be put in any more; what is there may still be taken.
    package func close() {
        lock.withLock { isClosed = true }
        arrivals.signal()
    }

    /// Everything that was left, oldest first.
    package func takeAll() -> [Item] {
        let taken = lock.withLock {
            defer { items.removeAll(keepingCapacity: true) }
            return items
        }
        for _ in taken { _ = arrivals.wait(timeout: .now()) }
        return taken
    }

    /// Sleeps until something is there, or for the given time.
    package func wait(seconds: Double) {
        guard arrivals.wait(timeout: .now() + seconds) == .success else { return }
        // Where something is left the next wait shall not sleep either. A signal whose item was taken before it came is
        // spent here: kept, it would keep the thread awake for ever.
        if lock.withLock({ !items.isEmpty || isClosed }) { arrivals.signal() }
    }

    package enum Next {
        case item(Item)
        case timeout
        case closed
    }

    /// The oldest item; waits for one, at most until the deadline where there is one.
    package func takeFirst(until deadline: DispatchTime? = nil) -> Next {
        while arrivals.wait(timeout: deadline ?? .distantFuture) == .success {
            let (item, closed) = lock.withLock { (items.isEmpty ? nil : items.removeFirst(), isClosed) }
            if let item { return .item(item) }
            if closed {
                arrivals.signal()  // for the other threads that wait
                return .closed
            }
        }
        return .timeout
    }
}
