/// Jobs that many worlds share.
///
/// Every call is one transaction: what it returned has happened and survives a crash, what it threw has not happened.
/// An implementation may be called from any thread; calls on one object wait for each other.
///
/// Every call throws a ``QueueError`` where the queue cannot be used: `busy`, `diskFull`, `corrupt`, `unreachable`,
/// `failed`. The errors listed with a call come in addition.
///
/// There are two implementations, ``SQLiteQueue`` and ``PostgresQueue``; one suite of tests holds both to what is
/// written here.
package protocol JobQueue: AnyObject, Sendable {
    /// The name of the queue for messages. It holds no password.
    var name: String { get }

    // MARK: Filling it

    /// Binds the queue to a model. The first world's model is stored; later worlds are compared with it.
    ///
    /// - Throws: `otherModel` where the queue belongs to another fingerprint.
    func adopt(fingerprint: String, modelName: String) throws(QueueError)

    /// Returns the name of the model that the queue belongs to, nil before its first world.
    ///
    /// - Throws: Where the queue cannot be used.
    func modelName() throws(QueueError) -> String?

    /// Puts jobs into the queue: either all of `jobs` or none.
    ///
    /// - Parameter maxReady: The maximum number of jobs that may be ready when this is done; nil for no bound.
    /// - Throws: `otherContents` where an id is taken, unless such jobs are to be replaced; `full` where new jobs would
    ///   pass the bound.
    func submit(
        _ jobs: [Job], otherContents: OtherContents, maxReady: Int?
    ) throws(QueueError) -> SubmitSummary

    /// Removes the jobs whose description is not valid (``JobFailure/invalidJob``), before their descriptions are read
    /// again.
    ///
    /// - Throws: Where the queue cannot be used.
    func forgetInvalidJobs() throws(QueueError)

    // MARK: Working on it

    /// Leases up to `limit` jobs that nobody else has, the most urgent first. Each lease counts as an attempt.
    ///
    /// Leases that have expired are reclaimed first, and jobs whose pause is over become ready. Suspect jobs come
    /// before all others, one at a time, and only to an owner that has no lease; an owner that has one gets no other
    /// (``Lease/isSuspect``).
    ///
    /// - Parameters:
    ///   - owner: The name of the world that asks, for people and for ``recordDeath(ofWorld:cause:failsPoison:)``
    ///     ("host:pid"). No two worlds that live at the same time may have the same.
    ///   - isProven: Whether the world has answered a job. While there are suspect jobs, a world that has not gets a
    ///     single other job first, where there is one: if it dies of a suspect job later, it is known to have worked.
    /// - Throws: Where the queue cannot be used.
    func lease(limit: Int, for duration: Duration, owner: String, isProven: Bool) throws(QueueError) -> [Lease]

    /// Renews leases: moves their deadlines to `duration` from now.
    ///
    /// - Returns: The handles that are no longer valid; the work on their jobs should stop.
    /// - Throws: Where the queue cannot be used.
    func renew(_ handles: [LeaseHandle], for duration: Duration) throws(QueueError) -> [LeaseHandle]

    /// Takes the answer of a leased job.
    ///
    /// - Throws: `staleLease` where the lease no longer holds; then nothing has changed.
    func finish(_ handle: LeaseHandle, with answer: Answer) throws(QueueError)

    /// Takes the failure of a leased job. A job fails at once by a permanent error, and at the last attempt by a
    /// temporary one; before that it is tried again after a pause.
    ///
    /// - Returns: The state that the job has now, `retry` or `failed`.
    /// - Throws: `staleLease`, as ``finish(_:with:)``.
    @discardableResult
    func fail(
        _ handle: LeaseHandle, with failure: JobFailure, permanent: Bool, seconds: Double
    ) throws(QueueError) -> JobState

    /// Gives leased jobs back: they are ready at once, and the attempt does not count. Handles of leases that no longer
    /// hold are ignored.
    ///
    /// - Throws: Where the queue cannot be used.
    func release(_ handles: [LeaseHandle]) throws(QueueError)

    // MARK: Worlds that live

    /// Notes that a world is there and what it does. Records that are older than a day are removed.
    ///
    /// - Throws: Where the queue cannot be used.
    func announce(_ world: WorldRecord) throws(QueueError)

    /// Removes the record of a world.
    ///
    /// - Throws: Where the queue cannot be used.
    func withdraw(_ owner: String) throws(QueueError)

    /// Returns the worlds that announced themselves, in the order of their names, with the time since each did.
    ///
    /// - Throws: Where the queue cannot be used.
    func worlds() throws(QueueError) -> [SeenWorld]

    // MARK: Worlds that die

    /// Reclaims every lease, as ``release(_:)`` does or as if it had expired. The caller must know that no world
    /// works on the queue any more; if one does, its answers are refused.
    ///
    /// - Throws: Where the queue cannot be used.
    func reclaimAll(countingAttempts: Bool) throws(QueueError)

    /// Reclaims the leases of a dead world, at once instead of when they expire. The caller must know that no process
    /// of that world lives; if one does, its answers are refused.
    ///
    /// Any of the jobs may have killed the world, so all become suspect and are tried again one at a time. For a job
    /// that was alone already this death is counted, and with the third (``RetryPolicy/maximumDeathsAlone``) it fails
    /// as poison (``JobFailure/poison``). The attempt does not count. It is safe to repeat the call.
    ///
    /// - Parameters:
    ///   - owner: The name that the world leased with.
    ///   - cause: The cause of death, for people: "SIGSEGV", "exit code 70".
    ///   - failsPoison: False where the machine may be what kills worlds: deaths are counted, and no job fails.
    /// - Throws: Where the queue cannot be used.
    @discardableResult
    func recordDeath(
        ofWorld owner: String, cause: String, failsPoison: Bool
    ) throws(QueueError) -> DeathRecord

    /// Returns whether a world has answered a job, among the last hundred thousand ends of jobs.
    ///
    /// - Throws: Where the queue cannot be used.
    func hasAnswered(_ owner: String) throws(QueueError) -> Bool

    /// Gives back all jobs of a world, as ``release(_:)`` does. The caller ended that world on purpose and knows that
    /// no process of it lives. Suspect jobs stay suspect. It is safe to repeat the call.
    ///
    /// - Parameter owner: The name that the world leased with.
    /// - Returns: The number of jobs.
    /// - Throws: Where the queue cannot be used.
    @discardableResult
    func release(ofWorld owner: String) throws(QueueError) -> Int

    /// Returns who has how many leases, in the order of their names, with leases that have expired and were not taken
    /// back.
    ///
    /// - Throws: Where the queue cannot be used.
    func holders() throws(QueueError) -> [LeaseHolder]

    // MARK: Looking at it

    /// A number that grows while a call waits for a server that is down and tries again.
    var retries: UInt64 { get }

    /// Returns the number of jobs in each state, in constant time.
    ///
    /// - Throws: Where the queue cannot be used.
    func counts() throws(QueueError) -> JobCounts

    /// Returns the jobs finished per second over the last minute, from the last thousand results at most; 0 where there
    /// were none.
    ///
    /// - Throws: Where the queue cannot be used.
    func recentRate() throws(QueueError) -> Double

    /// Returns the time until a job in `retry` or `leased` can be ready again; nil where there is none.
    ///
    /// - Throws: Where the queue cannot be used.
    func timeToNextReady() throws(QueueError) -> Duration?

    /// Returns up to `limit` results of offline jobs in the order of completion, those after number `after`. A reader that goes on from
    /// the last number it has read misses none, however many worlds finish jobs at the same time.
    ///
    /// - Throws: Where the queue cannot be used.
    func results(after: Int64, limit: Int) throws(QueueError) -> [JobResult]

    /// Returns up to `limit` results in the order of submission, those of the jobs after `sequence`.
    ///
    /// - Throws: Where the queue cannot be used.
    func sortedResults(afterSequence sequence: Int64, limit: Int) throws(QueueError) -> [JobResult]

    /// Returns the results of those of the jobs that are finished, in any order, also of those of a service.
    ///
    /// - Throws: Where the queue cannot be used.
    func results(ofJobs ids: [String]) throws(QueueError) -> [JobResult]

    /// Returns the latest results of offline jobs, up to `limit`, the last one first. A reader that must miss none uses
    /// ``results(after:limit:)``.
    ///
    /// - Throws: Where the queue cannot be used.
    func latestResults(limit: Int) throws(QueueError) -> [JobResult]

    /// Returns a picture of a job, with its bytes where they are stored in the queue; nil where there is no such job or
    /// picture.
    ///
    /// - Parameter position: Among the pictures of the job, from 0.
    /// - Throws: Where the queue cannot be used.
    func image(_ position: Int, ofJob id: String) throws(QueueError) -> JobImage?

    /// Returns the state of a job; nil where there is none by that id.
    ///
    /// - Throws: Where the queue cannot be used.
    func state(ofJob id: String) throws(QueueError) -> JobState?

    /// Returns the failed jobs by code, the most frequent code first.
    ///
    /// - Throws: Where the queue cannot be used.
    func failureGroups() throws(QueueError) -> [FailureGroup]

    /// Returns the jobs that wait for another attempt, by the code that they failed with the last time, the most frequent code
    /// first.
    ///
    /// - Throws: Where the queue cannot be used.
    func retryGroups() throws(QueueError) -> [FailureGroup]

    /// Returns up to `limit` failed jobs in the order of submission, those after `sequence`.
    ///
    /// - Parameter code: The code that they failed with; nil for all.
    /// - Throws: Where the queue cannot be used.
    func failedJobs(code: String?, afterSequence sequence: Int64, limit: Int) throws(QueueError) -> [FailedJob]

    /// Returns up to `limit` accepted ends of jobs, those after number `after`.
    ///
    /// - Throws: Where the queue cannot be used.
    func audit(after: Int64, limit: Int) throws(QueueError) -> [AuditEntry]

    /// Reads the whole queue and compares what must agree.
    ///
    /// - Throws: `corrupt` with the first invariant that does not hold.
    func verify() throws(QueueError)

    // MARK: Operating it. Large selections are done in several transactions; a repeated call goes on.

    /// Queues failed jobs again, with all their attempts; canceled ones where they are selected by id or by their code.
    ///
    /// - Returns: The number of jobs.
    /// - Throws: Where the queue cannot be used.
    func retry(_ selection: JobSelection) throws(QueueError) -> Int

    /// Returns up to `limit` jobs that failed with a code, with their pictures, in the order of submission, those after `sequence`.
    ///
    /// - Throws: Where the queue cannot be used.
    func picturesOfFailed(
        code: String, afterSequence sequence: Int64, limit: Int
    ) throws(QueueError) -> [FailedPictures]

    /// Replaces what is known of the pictures of jobs that failed; others are left as they are.
    ///
    /// - Throws: Where the queue cannot be used.
    func replacePictures(_ jobs: [FailedPictures]) throws(QueueError)

    /// Cancels jobs that are not finished. The answers of those that are leased are refused; each job has a line in the
    /// results.
    ///
    /// - Parameter selection: A code selects the jobs that wait for another attempt after failing with it.
    /// - Returns: The number of jobs.
    /// - Throws: Where the queue cannot be used.
    func cancel(_ selection: JobSelection) throws(QueueError) -> Int

    /// Removes finished jobs, their pictures and results; the audit stays.
    ///
    /// - Parameter age: The minimum time since they finished, by the wall clock.
    /// - Returns: The number of jobs.
    /// - Throws: Where the queue cannot be used.
    func purge(olderThan age: Duration) throws(QueueError) -> Int

    /// Removes finished jobs of services, as ``purge(olderThan:)``.
    ///
    /// - Returns: The number of jobs.
    /// - Throws: Where the queue cannot be used.
    func purgeServed(olderThan age: Duration) throws(QueueError) -> Int

    /// Gives the space of what was removed back to the file system. Other calls wait meanwhile.
    ///
    /// - Throws: Where the queue cannot be used.
    func compact() throws(QueueError)
}

extension JobQueue {
    package var retries: UInt64 { 0 }

    /// Leases jobs for a world that is known to work.
    ///
    /// - Throws: Where the queue cannot be used.
    package func lease(limit: Int, for duration: Duration, owner: String) throws(QueueError) -> [Lease] {
        try lease(limit: limit, for: duration, owner: owner, isProven: true)
    }

    /// Records a death where the machine is known not to be the cause.
    ///
    /// - Throws: Where the queue cannot be used.
    @discardableResult
    package func recordDeath(ofWorld owner: String, cause: String) throws(QueueError) -> DeathRecord {
        try recordDeath(ofWorld: owner, cause: cause, failsPoison: true)
    }

    /// Puts jobs into the queue, however many are ready.
    ///
    /// - Throws: `otherContents`, as ``submit(_:otherContents:maxReady:)``.
    package func submit(_ jobs: [Job], otherContents: OtherContents) throws(QueueError) -> SubmitSummary {
        try submit(jobs, otherContents: otherContents, maxReady: nil)
    }

    /// Calls `body` with all results, a page at a time, so that memory stays small and nobody waits for the reader.
    ///
    /// - Throws: ``QueueError``, and what `body` throws.
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
