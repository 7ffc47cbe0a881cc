/// The poison job policy: decides whether a job that killed every world that had it may be failed. That is so only where
/// worlds of this supervisor have shown that they can answer jobs. On a machine on which every job kills its world the
/// whole queue would be failed otherwise, with three deaths for each job.
///
/// A world that answered another job before it died has shown it. So do answers of earlier worlds, but only for a few
/// failed jobs, for the machine may have broken since.
package struct PoisonPolicy {
    /// The number of jobs that may be failed after the last answer of a world that died.
    private static let maximumFailuresPerAnswer = 3
    private var failuresLeft = 0

    package init() {}

    /// Returns whether jobs that the world had may be failed now that it died.
    ///
    /// - Parameter worldHasAnswered: whether the world had answered a job.
    package mutating func mayFailJobs(worldHasAnswered: Bool) -> Bool {
        if worldHasAnswered { failuresLeft = Self.maximumFailuresPerAnswer }
        return failuresLeft > 0
    }

    /// Records that a job was failed.
    package mutating func recordFailure() { failuresLeft = max(0, failuresLeft - 1) }
}
