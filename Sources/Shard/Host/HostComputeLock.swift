import Base
import CHostLock
import Foundation
import Synchronization

/// A FIFO lock of the ranks that share the cores of a host: the rank that holds it computes, on all cores, until it has
/// to wait for something.
///
/// Without it the scheduler would cut their work into slices, and a rank whose threads meet after every product would
/// wait for the one that just lost its core, several times a layer. Used on a rank's stage thread alone.
package final class HostComputeLock: @unchecked Sendable {
    // @unchecked: the memory is only touched by the C functions, which are atomic; the rest is the stage thread's.
    private let memory: UnsafeMutableRawPointer
    private var isHeld = false
    private let onAcquire: () -> Void
    private let onRelease: () -> Void
    private let awaited = Atomic<Bool>(false)
    /// Whether the stage's thread waits for the lock; for any thread to ask.
    package var isAwaited: Bool { awaited.load(ordering: .relaxed) }
    /// How long the stage thread has waited for the lock so far, in seconds.
    package private(set) var waitingSeconds = 0.0

    /// The size of its shared memory, in bytes: a cache line of its own.
    static var bytes: Int { (pg_host_lock_bytes() + 63) / 64 * 64 }

    /// - Parameters:
    ///   - memory: Memory that the ranks of the host share, zero at the start.
    ///   - onAcquire: Called when this rank has got the lock: its other threads are needed soon.
    ///   - onRelease: Called before this rank releases the lock: the next rank needs the cores.
    init(
        memory: UnsafeMutableRawPointer, onAcquire: @escaping () -> Void = {}, onRelease: @escaping () -> Void = {}
    ) {
        self.memory = memory
        self.onAcquire = onAcquire
        self.onRelease = onRelease
    }

    /// Waits for the lock; does nothing where this rank holds it.
    func acquire() {
        guard !isHeld else { return }
        let start = Timeline.now()
        awaited.store(true, ordering: .relaxed)
        pg_host_lock_acquire(memory)
        awaited.store(false, ordering: .relaxed)
        waitingSeconds += Double(Timeline.now() - start) / 1e9
        isHeld = true
        onAcquire()
    }

    /// Releases the lock; does nothing where this rank does not hold it.
    func release() {
        guard isHeld else { return }
        isHeld = false
        onRelease()
        pg_host_lock_release(memory)
    }

    /// Lets the ranks that wait compute first; does nothing where this rank does not hold the lock.
    func yield() {
        guard isHeld else { return }
        release()
        acquire()
    }
}

extension HostComputeLock? {
    /// Runs `wait`, which waits for other ranks, with the lock released.
    func releasedWhile<Result>(_ wait: () -> Result) -> Result {
        self?.release()
        defer { self?.acquire() }
        return wait()
    }
}
