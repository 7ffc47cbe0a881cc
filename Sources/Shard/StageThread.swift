import Base
import Foundation
import Synchronization

/// The compute thread of a rank: does one piece of work after the other, in the order in which they came.
///
/// On a rank with both stages they share the thread and so take turns, which costs nothing: all cores are busy
/// either way.
package final class StageThread: Sendable {
    private let work = Mailbox<@Sendable () throws -> Void>()
    private let outstanding = Atomic<Int>(0)
    private let waitingNanoseconds = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - turn: held while there is work.
    ///   - fail: called on the thread where work throws.
    package init(turn: HostTurn? = nil, fail: @escaping @Sendable (any Error) -> Void) {
        Thread.start("stage", stackBytes: 8 << 20) { [work, self] in
            while true {
                let start = DispatchTime.now().uptimeNanoseconds
                guard case .item(let next) = work.takeFirst() else { return }
                self.waitingNanoseconds.wrappingAdd(
                    DispatchTime.now().uptimeNanoseconds - start, ordering: .relaxed)
                turn?.take()
                do {
                    try next()
                } catch {
                    fail(error)
                }
                turn?.give()
                self.outstanding.wrappingSubtract(1, ordering: .releasing)
            }
        }
    }

    package func enqueue(_ body: @escaping @Sendable () throws -> Void) {
        outstanding.wrappingAdd(1, ordering: .relaxed)
        work.put(body)
    }

    /// Pieces of work that are not done yet, the running one among them.
    package var queued: Int { outstanding.load(ordering: .relaxed) }

    /// Whether everything is done, and the turn given back.
    package var isIdle: Bool { outstanding.load(ordering: .acquiring) == 0 }

    /// Waits for the end of what is being done.
    package func finish() {
        while !isIdle { usleep(50) }
    }
    /// Seconds spent without work.
    package var waitingSeconds: Double { Double(waitingNanoseconds.load(ordering: .relaxed)) / 1e9 }
}
