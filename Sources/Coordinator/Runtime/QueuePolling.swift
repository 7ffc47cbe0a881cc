import Foundation

/// When a world asks a queue again that had nothing, or that it has not asked yet. Times are of the monotonic clock, so
/// setting the wall clock delays nothing.
struct QueuePolling {
    private var next: DispatchTime? = .now()
    private var pause = IdlePause()

    /// Whether the queue is to be asked again, now or later.
    var isPlanned: Bool { next != nil }

    /// Returns whether the queue is to be asked now; then it is no longer planned.
    mutating func isDue() -> Bool {
        guard let next, next <= .now() else { return false }
        self.next = nil
        return true
    }

    /// Asks at once.
    mutating func planNow() { next = .now() }

    /// Asks after the shortest pause.
    mutating func planSoon() { next = .now() + IdlePause.shortest }

    /// Asks after the shortest pause where nothing else is planned.
    mutating func planSoonUnlessPlanned() { if next == nil { planSoon() } }

    /// Asks after a pause that grows while the queue has nothing.
    ///
    /// - Parameter due: The time until a job can be ready, in seconds; nil where there is none.
    mutating func plan(dueIn due: Double?) { next = .now() + pause.next(dueIn: due) }

    /// To be called when the queue had something.
    mutating func reset() { pause.reset() }
}
