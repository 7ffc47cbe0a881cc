import Base
import CTurn
import Foundation
import Synchronization

/// Ranks that share the cores of a host take turns: one computes, on all cores, until it has to wait for something.
///
/// Without it the scheduler would cut their work into slices, and a rank whose threads meet after every product would
/// wait for the one that just lost its core, several times a layer. Used on a rank's stage thread alone.
package final class HostTurn: @unchecked Sendable {
    // @unchecked: the memory is only touched by the C functions, which are atomic; the rest is the stage thread's.
    private let memory: UnsafeMutableRawPointer
    private var isMine = false
    /// Called when the turn has come: the rank's other threads are wanted soon.
    private let onTake: () -> Void
    /// Called before the turn goes: the next rank wants the cores.
    private let onGive: () -> Void
    private let awaited = Atomic<Bool>(false)
    /// Whether the stage's thread waits for its turn; for any thread to ask.
    package var isAwaited: Bool { awaited.load(ordering: .relaxed) }
    /// Seconds that the stage thread spent waiting for its turn.
    package private(set) var waitingSeconds = 0.0

    /// A cache line of its own.
    static var bytes: Int { (pg_turn_bytes() + 63) / 64 * 64 }

    /// - Parameter memory: shared by the ranks of the host, zero at the start.
    init(
        memory: UnsafeMutableRawPointer, onTake: @escaping () -> Void = {}, onGive: @escaping () -> Void = {}
    ) {
        self.memory = memory
        self.onTake = onTake
        self.onGive = onGive
    }

    func take() {
        guard !isMine else { return }
        let start = Timeline.now()
        awaited.store(true, ordering: .relaxed)
        pg_turn_take(memory)
        awaited.store(false, ordering: .relaxed)
        waitingSeconds += Double(Timeline.now() - start) / 1e9
        isMine = true
        onTake()
    }

    func give() {
        guard isMine else { return }
        isMine = false
        onGive()
        pg_turn_give(memory)
    }

    /// Lets those who wait have theirs first.
    func pass() {
        guard isMine else { return }
        give()
        take()
    }
}

extension HostTurn? {
    /// Runs what waits for others while they may compute.
    func whileWaiting<Result>(_ wait: () -> Result) -> Result {
        self?.give()
        defer { self?.take() }
        return wait()
    }
}
