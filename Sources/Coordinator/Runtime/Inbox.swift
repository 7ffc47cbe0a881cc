import Foundation
import Queue

/// What the Coordinator's helper threads tell it, in order; it looks in whenever its own thread comes round.
final class Inbox: @unchecked Sendable {
    // @unchecked: every access holds the lock.
    enum Message {
        case leased([Lease])
        /// The queue had nothing; whether others may still give something back, and when, in seconds, where that is known.
        case queueEmpty(outstanding: Int, nextReady: Double?)
        /// The world has enough to do with what it has.
        case holdsEnough
        case prepared(Schedule.JobID, PreparedJob)
        case unprepared(Schedule.JobID, JobFailure, permanent: Bool)
        /// What became of a job in the queue.
        case settled(Settlement)
        case queueFailed(QueueError)
        /// The last message of the queue's thread.
        case queueClosed
    }

    enum Settlement {
        case answered
        case failed
        /// It comes again after a pause.
        case retried
        /// The lease had run out: another world has the job, and its answer counts.
        case stale
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
