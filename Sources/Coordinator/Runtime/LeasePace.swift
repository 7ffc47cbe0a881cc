/// The number of jobs that a world may hold: what it can finish within the time of a lease, by its own speed. So a slow
/// world does not keep jobs from others, and a world that hangs holds few.
///
/// The minimum is three, so that no stage waits: one job that Gemma has, one that is encoded, one whose pictures are
/// read. Before the first jobs are finished nothing is known, and the schedule's own bound (two micro-batches) applies.
package struct LeasePace {
    /// The duration of a lease, in seconds.
    private let lease: Double
    private var busySeconds = 0.0
    private var finished = 0.0
    /// The time of the first job is latency and tells nothing about the throughput.
    private var hasFinished = false
    /// When the number of held jobs changed last, in seconds of the monotonic clock.
    private var last: Double?

    private static let minimumHeld = 3
    /// The number of jobs after which earlier ones count half as much.
    private static let halfLife = 32.0

    package init(lease: Double) {
        self.lease = lease
    }

    /// To be called before the number of held jobs changes: time in which none were held tells nothing about the
    /// throughput.
    package mutating func advance(to now: Double, holding: Int) {
        if holding > 0, let last { busySeconds += max(0, now - last) }
        last = now
    }

    /// To be called when a job is finished.
    package mutating func finish() {
        guard hasFinished else {
            hasFinished = true
            busySeconds = 0
            return
        }
        finished += 1
        guard finished >= 2 * Self.halfLife else { return }
        finished /= 2
        busySeconds /= 2
    }

    /// Returns how many of `wanted` jobs may be leased by a world that holds `held`.
    package func allowance(wanted: Int, held: Int) -> Int {
        guard finished > 0, busySeconds > 0 else { return wanted }
        let maximum = max(Self.minimumHeld, Int(min(lease * finished / busySeconds, 1e6)))
        return max(0, min(wanted, maximum - held))
    }
}
