import Base
import Foundation
import Synchronization

/// The compute thread of a rank: does one piece of work after the other, in the order in which they came.
///
/// On a rank with both stages they share the thread and so alternate, which costs nothing: all cores are busy either
/// way.
package final class StageThread: Sendable {
    private let work = Mailbox<@Sendable () throws -> Void>()
    private let outstanding = Atomic<Int>(0)
    private let waitingNanoseconds = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - computeLock: Held while there is work.
    ///   - fail: Called on the thread where work throws.
    package init(computeLock: HostComputeLock? = nil, fail: @escaping @Sendable (any Error) -> Void) {
        Thread.start("stage", stackBytes: 8 << 20) { [work, self] in
            while true {
                let start = DispatchTime.now().uptimeNanoseconds
                guard case .item(let next) = work.takeFirst() else { return }
                self.waitingNanoseconds.wrappingAdd(
                    DispatchTime.now().uptimeNanoseconds - start, ordering: .relaxed)
                computeLock?.acquire()
                do {
                    try next()
                } catch {
                    fail(error)
                }
                computeLock?.release()
                self.outstanding.wrappingSubtract(1, ordering: .releasing)
            }
        }
    }

    /// Adds a piece of work behind all others. What it throws is passed to `fail`.
    package func enqueue(_ body: @escaping @Sendable () throws -> Void) {
        outstanding.wrappingAdd(1, ordering: .relaxed)
        work.put(body)
    }

    /// The number of pieces of work that are not done yet, with the running one.
    package var queued: Int { outstanding.load(ordering: .relaxed) }

    /// Whether everything is done, and the compute lock released.
    package var isIdle: Bool { outstanding.load(ordering: .acquiring) == 0 }

    /// Waits until everything is done.
    package func finish() {
        while !isIdle { usleep(50) }
    }

    /// How long the thread has been without work so far, in seconds.
    package var waitingSeconds: Double { Double(waitingNanoseconds.load(ordering: .relaxed)) / 1e9 }
}
