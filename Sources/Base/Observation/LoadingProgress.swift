import Synchronization

/// Counts what this process has loaded of its model, for the watchdog. The counted pieces are small (a tensor, a page,
/// a panel of quantized weights), so a slow disk is not taken for a hang.
package enum LoadingProgress {
    private static let pieces = Atomic<UInt64>(0)
    private static let waits = Atomic<Int>(0)

    /// What the loading thread does now: it is idle while it waits for another process that loads for it.
    package static var activity: Activity {
        waits.load(ordering: .relaxed) > 0 ? .idle : .working(pieces.load(ordering: .relaxed))
    }

    /// Counts one loaded piece.
    package static func advance() { pieces.wrappingAdd(1, ordering: .relaxed) }

    /// Runs `body`, which waits for another process. That process has a watchdog of its own.
    package static func whileWaiting<Result>(_ body: () -> Result) -> Result {
        waits.wrappingAdd(1, ordering: .relaxed)
        defer { waits.wrappingSubtract(1, ordering: .relaxed) }
        return body()
    }
}
