/// What a submission did.
package struct SubmitSummary: Sendable, Equatable {
    /// Jobs that were not in the queue.
    package var added = 0
    /// Jobs that were in the queue already, with the same contents.
    package var known = 0
    /// Jobs that were in the queue with other contents and are queued anew.
    package var replaced = 0

    package init() {}
}

/// What to do with an id that is in the queue with other contents.
package enum OtherContents: Sendable {
    case refuse
    case replace
}

/// Jobs that many worlds share.
///
/// Every call is one transaction: what it returned has happened and survives a crash, what it threw has not happened.
/// An implementation may be called from any thread; calls on one object wait for each other.
package protocol JobQueue: AnyObject, Sendable {
    /// What to call the queue in a message.
    var name: String { get }

    /// Binds the queue to a model. The first world's is written down; later worlds are compared with it.
    ///
    /// - Throws: `otherModel` where the queue belongs to another fingerprint.
    func adopt(fingerprint: String, modelName: String) throws(QueueError)

    /// Puts jobs into the queue. Either all of `jobs` or none.
    ///
    /// - Throws: `otherContents` where an id is taken, unless they are to be replaced.
    func submit(_ jobs: [Job], otherContents: OtherContents) throws(QueueError) -> SubmitSummary

    /// Removes the jobs that were described wrongly (`JobFailure.invalidJob`), before their description is read again.
    func forgetInvalidJobs() throws(QueueError)

    /// Up to `limit` jobs that nobody else has, the most urgent first. Each counts an attempt.
    ///
    /// Leases that have run out are taken back first, and jobs whose pause is over are made ready.
    /// - Parameter owner: who asks, for people to read ("host:pid").
    func lease(limit: Int, for duration: Duration, owner: String) throws(QueueError) -> [Lease]

    /// Moves the deadlines to `duration` from now.
    ///
    /// - Returns: the tickets that are no longer valid; the work on them should stop.
    func renew(_ tickets: [Lease.Ticket], for duration: Duration) throws(QueueError) -> [Lease.Ticket]

    /// Takes the answer of a leased job.
    ///
    /// - Throws: `staleLease` where the job is no longer that ticket's; then nothing has changed.
    func finish(_ ticket: Lease.Ticket, with answer: Answer) throws(QueueError)

    /// Takes the failure of a leased job: permanent ones at once, passing ones at the last attempt; before that the
    /// job comes again after a pause.
    ///
    /// - Returns: the state that the job has now, `retry` or `failed`.
    /// - Throws: `staleLease`, as `finish`.
    @discardableResult
    func fail(
        _ ticket: Lease.Ticket, with failure: JobFailure, permanent: Bool, seconds: Double
    ) throws(QueueError) -> JobState

    /// Gives leased jobs back untouched: they are ready at once, and the attempt does not count. Stale tickets are
    /// passed over.
    func release(_ tickets: [Lease.Ticket]) throws(QueueError)

    /// Takes back every lease, as `release` does or as though it had run out. For one who knows that no world is at
    /// work on the queue any more; should one be, its answers are refused.
    func takeBackAll(countingAttempts: Bool) throws(QueueError)

    /// In constant time, however many jobs there are.
    func counts() throws(QueueError) -> JobCounts

    /// How long until a job in `retry` or `leased` can be ready again; nil where there is none.
    func timeToNextReady() throws(QueueError) -> Duration?

    /// Up to `limit` results in the order of completion, those after number `after`.
    func results(after: Int64, limit: Int) throws(QueueError) -> [JobResult]

    /// Up to `limit` results in the order of submission, those of the jobs after `sequence`.
    func sortedResults(afterSequence sequence: Int64, limit: Int) throws(QueueError) -> [JobResult]
}

extension JobQueue {
    /// All results, a page at a time, so that memory stays small and nobody waits for the reader.
    ///
    /// - Throws: `QueueError`, and what `body` throws.
    package func forEachResult(sorted: Bool, _ body: (JobResult) throws -> Void) throws {
        var last: Int64 = 0
        while true {
            let page =
                sorted
                ? try sortedResults(afterSequence: last, limit: Self.pageSize)
                : try results(after: last, limit: Self.pageSize)
            for result in page { try body(result) }
            guard let end = page.last else { return }
            last = sorted ? end.sequence : end.number
        }
    }

    private static var pageSize: Int { 1000 }
}
