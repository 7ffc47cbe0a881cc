/// The state of a job:
///
///     ready -> leased -> done
///       ^        |-----> failed       a permanent error, or the last attempt
///       |        |-----> retry        a temporary error: back to ready after a pause
///       |--------|                    released, or the lease expired
///     any of ready, leased, retry -> cancelled
///
/// The raw values are stored in queues and never change their meaning.
package enum JobState: Int, Sendable, CaseIterable {
    case ready = 0
    case leased = 1
    case retry = 2
    case done = 3
    case failed = 4
    case cancelled = 5
}

/// How many jobs are in each state.
package struct JobCounts: Sendable, Equatable {
    package var ready = 0
    package var leased = 0
    package var retry = 0
    package var done = 0
    package var failed = 0
    package var cancelled = 0

    package init() {}

    package subscript(state: JobState) -> Int {
        get {
            switch state {
            case .ready: ready
            case .leased: leased
            case .retry: retry
            case .done: done
            case .failed: failed
            case .cancelled: cancelled
            }
        }
        set {
            switch state {
            case .ready: ready = newValue
            case .leased: leased = newValue
            case .retry: retry = newValue
            case .done: done = newValue
            case .failed: failed = newValue
            case .cancelled: cancelled = newValue
            }
        }
    }

    package var total: Int { outstanding + finished }
    /// The number of jobs that are not finished.
    package var outstanding: Int { ready + leased + retry }
    /// The number of jobs that have a line in the results.
    package var finished: Int { done + failed + cancelled }
}
