import Base

/// How often a job is tried, and how long the pauses in between are.
package struct RetryPolicy: Sendable {
    /// The maximum number of attempts; the job fails with the last.
    package var maximumAttempts = 5
    /// The pause after the first attempt; each later one is twice as long.
    package var firstPause = Duration.seconds(1)
    package var longestPause = Duration.seconds(300)
    /// The pause is multiplied by a random number in this range, so that jobs which failed together do not come back
    /// together.
    package var jitter = 0.5...1.5

    /// The number of worlds that die with a job that they have alone until it fails as poison.
    package var maximumDeathsAlone = 3

    /// The number of latest ends of jobs among which a world's answers are looked for.
    static let rememberedEnds = 100_000

    package init() {}

    /// Returns the pause after attempt number `attempt` (from 1) failed.
    package func pause(afterAttempt attempt: Int) -> Duration {
        let doubled = firstPause * (1 << min(max(attempt - 1, 0), 30))
        return min(doubled, longestPause) * Double.random(in: jitter)
    }

    /// Returns the failure of a job whose leases expired too often.
    package func expiry(attempts: Int, owner: String) -> JobFailure {
        JobFailure(
            code: JobFailure.leaseExpired,
            message: "\(attempts.counted("time")) a world died or hung while it had this job, the last was \(owner)")
    }

    /// Returns the failure of a job that killed every world that had it.
    package func poison(cause: String) -> JobFailure {
        JobFailure(
            code: JobFailure.poison,
            message:
                "\(maximumDeathsAlone.counted("time")) the world died while it had this job and no other, the last time of "
                + "\(cause); look at its pictures, then `paligemma retry`")
    }
}
