import Base
import CHostLock
import Foundation
import Synchronization
import Testing

/// Memory as the ranks of a host share it, used by threads here.
private final class SharedMemory: @unchecked Sendable {
    // @unchecked: the C functions are atomic; the counts are only touched by the thread that holds the lock.
    let address: UnsafeMutableRawPointer
    var inside = 0
    var maximumInside = 0
    var acquisitions = 0

    init(bytes: Int) {
        address = .allocate(byteCount: bytes, alignment: 64)
        address.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }

    // A thread that a failed test left behind holds this object, and with it the memory.
    deinit { address.deallocate() }
}

/// Runs `body` on some threads at once.
///
/// - Returns: Whether all were done within a minute.
private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) -> Bool {
    let done = DispatchSemaphore(value: 0)
    for index in 0..<count {
        Thread {
            body(index)
            done.signal()
        }.start()
    }
    return waitForAll(done, count: count)
}

private func waitForAll(_ done: DispatchSemaphore, count: Int) -> Bool {
    let deadline = DispatchTime.now() + 60
    return (0..<count).allSatisfy { _ in done.wait(timeout: deadline) == .success }
}

@Suite("The host compute lock", .timeLimit(.minutes(15)))
struct HostComputeLockTests {
    @Test("Only one of many threads holds the lock at a time, and every thread gets it")
    func exclusion() {
        let shared = SharedMemory(bytes: pg_host_lock_bytes())
        // More threads than the 32 bits by which waiters are told apart.
        let isDone = onThreads(40) { _ in
            for _ in 0..<200 {
                pg_host_lock_acquire(shared.address)
                shared.inside += 1
                shared.maximumInside = max(shared.maximumInside, shared.inside)
                shared.acquisitions += 1
                shared.inside -= 1
                pg_host_lock_release(shared.address)
            }
        }
        #expect(isDone)
        #expect(shared.maximumInside == 1 && shared.acquisitions == 8000)
    }

    @Test("Threads get the lock in the order in which they asked for it")
    func order() throws {
        let shared = SharedMemory(bytes: pg_host_lock_bytes())
        let nextTicket = shared.address.assumingMemoryBound(to: Atomic<UInt32>.self)
        let order = Locked<[Int]>([])
        pg_host_lock_acquire(shared.address)
        let done = DispatchSemaphore(value: 0)
        let deadline = ContinuousClock.now + .seconds(60)
        for index in 0..<5 {
            Thread {
                pg_host_lock_acquire(shared.address)
                order.withLock { $0.append(index) }
                pg_host_lock_release(shared.address)
                done.signal()
            }.start()
            // The next thread asks when this one waits: it has taken a ticket.
            while nextTicket.pointee.load(ordering: .relaxed) < UInt32(index + 2) {
                try #require(ContinuousClock.now < deadline, "thread \(index) took no ticket")
                usleep(100)
            }
        }
        pg_host_lock_release(shared.address)
        #expect(waitForAll(done, count: 5))
        #expect(order.withLock { $0 } == [0, 1, 2, 3, 4])
    }
}

@Suite("Event counts", .timeLimit(.minutes(15)))
struct EventCountTests {
    /// An hour, in nanoseconds: a wait that nothing ends fails the test, whose own limit is a minute.
    private static let longWait = 3_600_000_000_000

    @Test("A notification since the value was read ends a wait at once")
    func missedNotification() {
        let shared = SharedMemory(bytes: pg_event_count_bytes())
        let before = pg_event_count_value(shared.address)
        pg_event_count_notify(shared.address)
        let isDone = onThreads(1) { _ in pg_event_count_wait(shared.address, before, Self.longWait) }
        #expect(isDone)
        #expect(pg_event_count_value(shared.address) == before + 1)
    }

    @Test("A notification wakes a thread that sleeps")
    func wakeUp() {
        let shared = SharedMemory(bytes: pg_event_count_bytes())
        let seen = pg_event_count_value(shared.address)
        let isDone = onThreads(2) { index in
            if index == 0 {
                while pg_event_count_value(shared.address) == seen {
                    pg_event_count_wait(shared.address, seen, Self.longWait)
                }
            } else {
                pg_event_count_notify(shared.address)
            }
        }
        #expect(isDone)
        #expect(pg_event_count_value(shared.address) == seen + 1)
    }

    @Test("A wait without a notification ends after its time")
    func timeout() {
        let shared = SharedMemory(bytes: pg_event_count_bytes())
        let seen = pg_event_count_value(shared.address)
        let isDone = onThreads(1) { _ in pg_event_count_wait(shared.address, seen, 1_000_000) }
        #expect(isDone)
        #expect(pg_event_count_value(shared.address) == seen)
    }
}
