import Queue

/// The jobs that this world has leased.
struct InFlightJobs {
    private var jobs: [Schedule.JobID: InFlightJob] = [:]
    private var nextJob: Schedule.JobID = 1
    private var nextPicture: UInt64 = 1

    subscript(id: Schedule.JobID) -> InFlightJob? {
        get { jobs[id] }
        // In place, so that its tokens are not copied with every step.
        _modify { yield &jobs[id] }
    }

    /// Adds a leased job and returns its number.
    mutating func add(_ lease: Lease) -> Schedule.JobID {
        let pictures = (0..<lease.job.pictureCount).map { _ in
            defer { nextPicture += 1 }
            return nextPicture
        }
        defer { nextJob += 1 }
        jobs[nextJob] = InFlightJob(lease: lease, pictureIDs: pictures)
        return nextJob
    }

    /// Returns the numbers of the jobs that are leased by these handles.
    func ids(of handles: Set<LeaseHandle>) -> [Schedule.JobID] {
        jobs.filter { handles.contains($0.value.lease.handle) }.map(\.key).sorted()
    }

    /// Removes a job and returns it; nil where it is not there.
    mutating func remove(_ id: Schedule.JobID) -> InFlightJob? { jobs.removeValue(forKey: id) }
}
