import Queue

/// Why jobs fail: how many have failed for good, and how many wait for another attempt.
package struct FailureCause: Sendable, Equatable {
    package var code: String
    package var failed = 0
    package var waiting = 0
    /// The message of one of them.
    package var example: String

    /// Returns all causes, the most frequent first.
    ///
    /// - Throws: Where the queue cannot be used.
    package static func all(in queue: any JobQueue) throws(QueueError) -> [FailureCause] {
        merged(failed: try queue.failureGroups(), waiting: try queue.retryGroups())
    }

    package static func merged(failed: [FailureGroup], waiting: [FailureGroup]) -> [FailureCause] {
        var causes = failed.map { FailureCause(code: $0.code, failed: $0.jobs, example: $0.example) }
        for group in waiting {
            if let index = causes.firstIndex(where: { $0.code == group.code }) {
                causes[index].waiting = group.jobs
            } else {
                causes.append(FailureCause(code: group.code, waiting: group.jobs, example: group.example))
            }
        }
        return causes.sorted {
            ($0.failed + $0.waiting, $1.code) > ($1.failed + $1.waiting, $0.code)
        }
    }
}
