import Foundation

/// An unbounded queue between threads, first in, first out. Waiting uses the monotonic clock, so that a change of the
/// wall clock freezes neither a rank nor a lease.
package final class Mailbox<Item>: @unchecked Sendable {
    // @unchecked: every access to the items holds the lock.
    private let lock = NSLock()
    private let arrivals = DispatchSemaphore(value: 0)
    private var items: [Item] = []
    private var isClosed = false

    package init() {}

    /// Appends an item, and wakes a thread that waits for one.
    package func put(_ item: Item) {
        lock.withLock { items.append(item) }
        arrivals.signal()
    }

    /// Closes the mailbox: no item will be put any more. Those that are there may still be taken.
    package func close() {
        lock.withLock { isClosed = true }
        arrivals.signal()
    }

    /// Takes all items, the oldest first, without waiting.
    package func takeAll() -> [Item] {
        let taken = lock.withLock {
            defer { items.removeAll(keepingCapacity: true) }
            return items
        }
        for _ in taken { _ = arrivals.wait(timeout: .now()) }
        return taken
    }

    /// Waits until there is an item or the mailbox is closed, at most for the given time.
    package func wait(seconds: Double) {
        guard arrivals.wait(timeout: .now() + seconds) == .success else { return }
        // This wait has consumed a signal. It is given back where the next wait must return at once too. Where the items
        // were taken before their signals were consumed it is not: each later wait would return at once for ever.
        if lock.withLock({ !items.isEmpty || isClosed }) { arrivals.signal() }
    }

    /// The result of waiting for one item.
    package enum Next {
        case item(Item)
        case timeout
        case closed
    }

    /// Takes the oldest item, and waits for one where there is none.
    ///
    /// - Parameter deadline: when waiting ends; nil for never.
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
