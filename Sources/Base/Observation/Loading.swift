import Synchronization

/// How far this process is with loading its model, for a watchdog: the smallest pieces are counted (a tensor, a page, a
/// part of the quantised weights), so a slow disk is not taken for a hang.
package enum Loading {
    private static let pieces = Atomic<UInt64>(0)
    private static let waits = Atomic<Int>(0)

    package static var activity: Activity {
        waits.load(ordering: .relaxed) > 0 ? .idle : .working(pieces.load(ordering: .relaxed))
    }

    /// A piece is done.
    package static func advance() { pieces.wrappingAdd(1, ordering: .relaxed) }

    /// Waits for another process, which is watched itself.
    package static func waiting<Result>(_ body: () -> Result) -> Result {
        waits.wrappingAdd(1, ordering: .relaxed)
        defer { waits.wrappingSubtract(1, ordering: .relaxed) }
        return body()
    }
}
