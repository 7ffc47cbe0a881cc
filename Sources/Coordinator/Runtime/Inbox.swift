import Foundation

/// What the Coordinator's helper threads tell it, in order; it looks in whenever its own thread comes round.
final class Inbox: @unchecked Sendable {
    // @unchecked: every access holds the lock.
    enum Message {
        case leased([Lease])
        /// The queue had nothing; whether others may still give something back.
        case queueEmpty(outstanding: Int)
        case prepared(Schedule.JobID, PreparedJob)
        case unprepared(Schedule.JobID, JobFailure, permanent: Bool)
        /// Tickets that are no longer ours.
        case lost([Lease.Ticket])
        case queueFailed(QueueError)
    }

    private let lock = NSLock()
    private var messages: [Message] = []
    private let wake: @Sendable () -> Void

    /// - Parameter wake: called after each message, on the thread that left it.
    init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    func put(_ message: Message) {
        lock.withLock { messages.append(message) }
        wake()
    }

    func takeAll() -> [Message] {
        lock.withLock {
            let taken = messages
            messages.removeAll()
            return taken
        }
    }
}

/// Work for threads, first come, first served; ends when closed.
final class WorkQueue<Item>: @unchecked Sendable {
    // @unchecked: every access holds the lock.
    private let condition = NSCondition()
    private var items: [Item] = []
    private var closed = false

    func put(_ item: Item) {
        condition.withLock {
            items.append(item)
            condition.signal()
        }
    }

    func close() {
        condition.withLock {
            closed = true
            condition.broadcast()
        }
    }

    enum Next {
        case item(Item)
        case timeout
        case closed
    }

    /// Waits for the next item, at most until `deadline` where there is one.
    func take(until deadline: Date? = nil) -> Next {
        condition.lock()
        defer { condition.unlock() }
        while items.isEmpty {
            if closed { return .closed }
            guard let deadline else {
                condition.wait()
                continue
            }
            if !condition.wait(until: deadline), items.isEmpty { return closed ? .closed : .timeout }
        }
        return .item(items.removeFirst())
    }
}
