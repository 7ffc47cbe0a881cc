import Foundation

/// What other threads of a rank leave for its main thread, in order. The main thread sleeps on it.
final class Mailbox<Item>: @unchecked Sendable {
    // @unchecked: every access holds the lock.
    private let condition = NSCondition()
    private var items: [Item] = []

    func put(_ item: Item) {
        condition.lock()
        items.append(item)
        condition.signal()
        condition.unlock()
    }

    /// Everything that was left, oldest first.
    func takeAll() -> [Item] {
        condition.lock()
        defer { condition.unlock() }
        guard !items.isEmpty else { return [] }
        let taken = items
        items.removeAll(keepingCapacity: true)
        return taken
    }

    /// Sleeps until something is there, or for the given time.
    func wait(seconds: Double) {
        condition.lock()
        if items.isEmpty { _ = condition.wait(until: Date(timeIntervalSinceNow: seconds)) }
        condition.unlock()
    }

    /// Sleeps until something is there, and takes the oldest.
    func takeFirst() -> Item {
        condition.lock()
        defer { condition.unlock() }
        while items.isEmpty { condition.wait() }
        return items.removeFirst()
    }
}

/// A result that one thread waits for and another gives, once.
final class Ticket: @unchecked Sendable {
    // @unchecked: every access holds the lock.
    private let condition = NSCondition()
    private var outcome: Result<Void, ShardError>?

    func complete(_ result: Result<Void, ShardError>) {
        condition.lock()
        outcome = result
        condition.signal()
        condition.unlock()
    }

    func wait() -> Result<Void, ShardError> {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let outcome { return outcome }
            condition.wait()
        }
    }
}
