/// Detects that a thread makes no progress. Time is counted in observations, not by a clock: a process that was
/// stopped as a whole and continues made no observations in between, and was not stuck.
package struct StallDetector {
    private let limit: Int
    private var last: Activity = .idle
    private var unchanged = 0

    /// - Parameters:
    ///   - timeout: seconds without progress after which a working thread counts as stuck.
    ///   - pause: seconds between two observations.
    package init(timeout: Double, pause: Double) {
        limit = max(2, Int((timeout / pause).rounded(.up)))
    }

    /// Takes one observation of a thread.
    ///
    /// - Returns: whether the thread is stuck: a working thread after the timeout, one that waits for others after twice
    ///   the timeout, an idle one never.
    package mutating func isStalled(observing activity: Activity) -> Bool {
        defer { last = activity }
        guard activity == last, activity != .idle else {
            unchanged = 0
            return false
        }
        unchanged += 1
        if case .waiting = activity { return unchanged >= 2 * limit }
        return unchanged >= limit
    }
}
