import Foundation
import Synchronization

/// Repeats what failed because the disk was full, until somebody has made room or a timeout is over. A transaction that failed so
/// has changed nothing.
final class DiskWait: Sendable {
    private let timeout: Duration
    private let count = Atomic<UInt64>(0)
    /// The number of repetitions so far.
    var tries: UInt64 { count.load(ordering: .relaxed) }
    /// Seconds.
    private static let pause = 0.5

    /// - Parameter timeout: zero to repeat nothing.
    init(timeout: Duration) { self.timeout = timeout }

    /// - Throws: What `body` throws; `diskFull` after the timeout.
    func run<Result>(_ body: () throws(QueueError) -> Result) throws(QueueError) -> Result {
        let end = ContinuousClock.now + timeout
        while true {
            do throws(QueueError) {
                return try body()
            } catch {
                guard case .diskFull = error, ContinuousClock.now < end else { throw error }
                count.wrappingAdd(1, ordering: .relaxed)
                Thread.sleep(forTimeInterval: Self.pause)
            }
        }
    }
}
