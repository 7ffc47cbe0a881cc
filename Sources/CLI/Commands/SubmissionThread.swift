import Base
import Foundation
import JobSources
import Queue

/// A submission on a thread of its own, so that the first jobs are answered while the others are still being listed.
final class SubmissionThread: Sendable {
    private let result = Locked<Result<Submission, any Error>?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    /// What the thread takes over; nobody else uses it afterwards.
    private struct Work: @unchecked Sendable {
        let source: any JobSource
        let manner: Submission.Manner
    }

    init(of source: any JobSource, to queue: SQLiteQueue, _ manner: Submission.Manner) {
        let work = Work(source: source, manner: manner)
        Thread.start("submission", stackBytes: 4 << 20) { [self] in
            let made = Result { try Submission(of: work.source, to: queue, work.manner) }
            result.withLock { $0 = made }
            ended.signal()
        }
    }

    /// Whether it has ended, well or not.
    var hasEnded: Bool { result.withLock { $0 != nil } }

    /// Its error; nil where it has none, or goes on.
    var failure: (any Error)? {
        guard case .failure(let error)? = result.withLock({ $0 }) else { return nil }
        return error
    }

    /// Waits for its end.
    ///
    /// - Parameter seconds: The longest wait; nil for any.
    /// - Returns: What it came to; nil where it goes on.
    /// - Throws: Its error.
    func wait(seconds: Double? = nil) throws -> Submission? {
        if !hasEnded { _ = seconds.map { ended.wait(timeout: .now() + $0) } ?? ended.wait(timeout: .distantFuture) }
        return try result.withLock { $0 }?.get()
    }
}
