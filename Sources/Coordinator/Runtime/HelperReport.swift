import Queue

/// What a helper thread of the Coordinator reports to its main thread.
enum HelperReport {
    case leased([Lease])
    /// The queue had nothing. `outstanding` is the number of jobs that may still come back, `nextReady` the time in
    /// seconds until the first of them can be ready, where that is known.
    case queueEmpty(outstanding: Int, nextReady: Double?)
    /// This world holds as many leases as it may.
    case holdsEnough
    case prepared(Schedule.JobID, PreparedJob)
    case unprepared(Schedule.JobID, JobFailure, permanent: Bool)
    /// How the queue recorded the end of a job.
    case settled(Settlement)
    /// The leases of these jobs do not hold any more: they were canceled, or others have them.
    case lost([LeaseHandle])
    /// The queue may have urgent jobs.
    case jobsAdded
    /// Jobs were canceled, perhaps some of this world.
    case jobsCanceled
    case queueFailed(QueueError)
    /// The last report of the queue's thread.
    case queueClosed

    /// How the queue recorded the end of a job.
    enum Settlement {
        case answered
        case failed
        /// The job is tried again after a pause.
        case retried
        /// The lease had expired: another world has the job, and its answer counts.
        case stale
    }
}
