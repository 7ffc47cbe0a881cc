/// How many jobs a world may hold: what it can finish within the time of a lease, by its own speed. So a slow world does
/// not keep from others what it will not come to, and one that hangs holds back little.
///
/// Three at least, so that no stage waits: one that Gemma has, one that is encoded, one whose pictures are read. Before
/// the first jobs are finished nothing is known, and the schedule's own bound (two micro-batches) stands.
package struct LeasePace {
    /// Seconds of a lease.
    private let lease: Double
    private var busySeconds = 0.0
    private var finished = 0.0
    /// The way of the first job says nothing of the speed, only how long the way is.
    private var hasFinished = false
    /// When what is held was looked at last, in seconds of the monotonic clock.
    private var last: Double?

    private static let least = 3
    /// Jobs that are remembered; older ones count half, and half again.
    private static let memory = 32.0

    package init(lease: Double) {
        self.lease = lease
    }

    /// To be called before the number of held jobs changes: time in which none were held says nothing of the speed.
    package mutating func pass(until now: Double, holding: Int) {
        if holding > 0, let last { busySeconds += max(0, now - last) }
        last = now
    }

    package mutating func finish() {
        guard hasFinished else {
            hasFinished = true
            busySeconds = 0
            return
        }
        finished += 1
        guard finished >= 2 * Self.memory else { return }
        finished /= 2
        busySeconds /= 2
    }

    /// How many more of `wanted` jobs may be leased by who holds `held`.
    package func allowance(wanted: Int, held: Int) -> Int {
        guard finished > 0, busySeconds > 0 else { return wanted }
        let most = max(Self.least, Int(min(lease * finished / busySeconds, 1e6)))
        return max(0, min(wanted, most - held))
    }
}
