/// Jobs that many worlds share.
///
/// Every call is one transaction: what it returned has happened and survives a crash, what it threw has not happened.
/// An implementation may be called from any thread; calls on one object wait for each other.
///
/// Two implementations, ``SQLiteQueue`` and ``PostgresQueue``; one suite of tests holds both to what is written here.
package protocol JobQueue: AnyObject, Sendable {
    /// What to call the queue in a message. Holds no password.
    var name: String { get }

    // MARK: Filling it

    /// Binds the queue to a model. The first world's is written down; later worlds are compared with it.
    ///
    /// - Throws: `otherModel` where the queue belongs to another fingerprint.
    func adopt(fingerprint: String, modelName: String) throws(QueueError)

    /// The name of the model that the queue belongs to, nil before its first world.
    func modelName() throws(QueueError) -> String?

    /// Puts jobs into the queue. Either all of `jobs` or none.
    ///
    /// - Parameter maxReady: jobs that may be ready when this is done; nil for no bound.
    /// - Throws: `otherContents` where an id is taken, unless they are to be replaced; `full` where new jobs would pass
    ///   the bound.
    func submit(
        _ jobs: [Job], otherContents: OtherContents, maxReady: Int?
    ) throws(QueueError) -> SubmitSummary

    /// Removes the jobs that were described wrongly (`JobFailure.invalidJob`), before their description is read again.
    func forgetInvalidJobs() throws(QueueError)

    // MARK: Working on it

    /// Up to `limit` jobs that nobody else has, the most urgent first. Each counts an attempt.
    ///
    /// Leases that have run out are taken back first, and jobs whose pause is over are made ready. Suspect jobs come
    /// before all others, one at a time, and only to an owner that has no lease; an owner that has one gets no other
    /// (``Lease/isSuspect``).
    /// - Parameters:
    ///   - owner: the name of the world that asks, for people and for `recordDeath` ("host:pid"). No two worlds that
    ///     live at the same time may have the same.
    ///   - isProven: whether the world has answered a job. As long as there are suspect jobs one that has not gets a
    ///     single other job first, where there is one: should it die of a suspect job later, it is known to have worked.
    func lease(limit: Int, for duration: Duration, owner: String, isProven: Bool) throws(QueueError) -> [Lease]

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

    // MARK: Worlds that die

    /// Takes back every lease, as `release` does or as though it had run out. For one who knows that no world is at
    /// work on the queue any more; should one be, its answers are refused.
    func takeBackAll(countingAttempts: Bool) throws(QueueError)

    /// Takes back what a dead world had, at once instead of when its leases run out. For one who knows that no process
    /// of that world lives; should one, its answers are refused.
    ///
    /// Any of the jobs may have killed it, so all become suspect and are tried again one at a time. One that was alone
    /// already is counted this death, and fails as poison (`JobFailure.poison`) with the third
    /// (`RetryPolicy.maximumDeathsAlone`). The attempt does not count: the others are not to blame. Safe to repeat.
    ///
    /// - Parameters:
    ///   - owner: the name that the world leased with.
    ///   - cause: what it died of, for people: "SIGSEGV", "exit code 70".
    ///   - failsPoison: false where it may be the machine that kills worlds: deaths are counted, and no job fails.
    @discardableResult
    func recordDeath(
        ofWorld owner: String, cause: String, failsPoison: Bool
    ) throws(QueueError) -> DeathRecord

    /// Whether a world has answered a job, as far as the last hundred thousand ends of jobs tell.
    func hasAnswered(_ owner: String) throws(QueueError) -> Bool

    /// Gives back everything that a world has, as `release` does: for one who ended that world on purpose and knows that
    /// no process of it lives. What was suspect stays so. Safe to repeat.
    ///
    /// - Parameter owner: the name that the world leased with.
    /// - Returns: how many jobs.
    @discardableResult
    func release(ofWorld owner: String) throws(QueueError) -> Int

    /// Who has how many leases, in the order of their names; also of leases that have run out and were not taken back.
    func holders() throws(QueueError) -> [LeaseHolder]

    // MARK: Looking at it

    /// Grows while a call waits for a server that is away: the call gets on, for as long as the queue is patient.
    var retries: UInt64 { get }

    /// In constant time, however many jobs there are.
    func counts() throws(QueueError) -> JobCounts

    /// Jobs finished a second over the last minute, from the last thousand results at most; 0 where there were none.
    func recentRate() throws(QueueError) -> Double

    /// How long until a job in `retry` or `leased` can be ready again; nil where there is none.
    func timeToNextReady() throws(QueueError) -> Duration?

    /// Up to `limit` results in the order of completion, those after number `after`. A reader that goes on from the
    /// last number it saw misses none, whoever finishes at the same time.
    func results(after: Int64, limit: Int) throws(QueueError) -> [JobResult]

    /// Up to `limit` results in the order of submission, those of the jobs after `sequence`.
    func sortedResults(afterSequence sequence: Int64, limit: Int) throws(QueueError) -> [JobResult]

    /// Failed jobs by code, the most frequent first.
    func failureGroups() throws(QueueError) -> [FailureGroup]

    /// Up to `limit` failed jobs in the order of submission, those after `sequence`.
    ///
    /// - Parameter code: only those that failed with it; nil for all.
    func failedJobs(code: String?, afterSequence sequence: Int64, limit: Int) throws(QueueError) -> [FailedJob]

    /// Up to `limit` accepted ends of jobs, those after number `after`.
    func audit(after: Int64, limit: Int) throws(QueueError) -> [AuditEntry]

    /// Reads everything and compares what must agree. Takes its time.
    ///
    /// - Throws: `corrupt` with the first thing that does not hold.
    func verify() throws(QueueError)

    // MARK: Putting it in order. Large selections are done in several transactions; repeating goes on.

    /// Queues failed jobs anew, with all their attempts; cancelled ones where they are named, by id or by their code.
    ///
    /// - Returns: how many.
    func retry(_ selection: JobSelection) throws(QueueError) -> Int

    /// Takes jobs back that are not finished. Those that a world has are refused when they come back; each has a line
    /// in the results.
    ///
    /// - Parameter selection: `code` means jobs that rest after failing with it.
    /// - Returns: how many.
    func cancel(_ selection: JobSelection) throws(QueueError) -> Int

    /// Removes finished jobs, their pictures and results; the audit stays.
    ///
    /// - Parameter age: time since they finished, by the wall clock.
    /// - Returns: how many.
    func purge(olderThan age: Duration) throws(QueueError) -> Int

    /// Gives back the room of what was removed. Others wait meanwhile.
    func compact() throws(QueueError)
}

extension JobQueue {
    package var retries: UInt64 { 0 }

    /// For a world that is known to work.
    package func lease(limit: Int, for duration: Duration, owner: String) throws(QueueError) -> [Lease] {
        try lease(limit: limit, for: duration, owner: owner, isProven: true)
    }

    /// For one who knows that the machine is not to blame.
    @discardableResult
    package func recordDeath(ofWorld owner: String, cause: String) throws(QueueError) -> DeathRecord {
        try recordDeath(ofWorld: owner, cause: cause, failsPoison: true)
    }

    /// Puts jobs into the queue, however many are ready.
    package func submit(_ jobs: [Job], otherContents: OtherContents) throws(QueueError) -> SubmitSummary {
        try submit(jobs, otherContents: otherContents, maxReady: nil)
    }

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
