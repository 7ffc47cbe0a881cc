/// Identifies one lease of one job. The queue takes an answer only with the handle of a lease that holds.
package struct LeaseHandle: Sendable, Hashable {
    /// The job's number in the order of submission.
    package var sequence: Int64
    /// A fencing token, greater than that of every earlier lease of this queue.
    package var token: Int64
    package var jobID: String
}

/// The right to answer one job until a deadline.
package struct Lease: Sendable, Equatable {
    package var handle: LeaseHandle
    package var job: Job
    /// 1 for the first.
    package var attempt: Int
    /// Whether a world died or stopped answering while it had this job. The queue leases it to a world that has nothing
    /// else, and leases that world nothing more while it has it: if this world dies too, the job was alone.
    package var isSuspect: Bool

    package init(handle: LeaseHandle, job: Job, attempt: Int, isSuspect: Bool = false) {
        self.handle = handle
        self.job = job
        self.attempt = attempt
        self.isSuspect = isSuspect
    }
}
