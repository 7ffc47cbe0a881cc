/// How often a job is tried, and how long it rests in between.
package struct RetryPolicy: Sendable {
    /// Attempts in all; the job fails with the last.
    package var maximumAttempts = 5
    /// The pause after the first attempt; each later one is twice as long.
    package var firstPause = Duration.seconds(1)
    package var longestPause = Duration.seconds(300)
    /// The pause is multiplied by a random number in this range, so that jobs which failed together do not come back
    /// together.
    package var jitter = 0.5...1.5

    package init() {}

    /// The pause after attempt number `attempt` (from 1) failed.
    package func pause(afterAttempt attempt: Int) -> Duration {
        let doubled = firstPause * (1 << min(max(attempt - 1, 0), 30))
        return min(doubled, longestPause) * Double.random(in: jitter)
    }
}
