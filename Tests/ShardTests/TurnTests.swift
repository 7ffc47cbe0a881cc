import Base
import CTurn
import Foundation
import Synchronization
import Testing

@Suite("Turns and bells of processes that share memory")
struct TurnTests {
    /// Memory as ranks share it, used by threads here.
    private final class Shared: @unchecked Sendable {
        // @unchecked: the C functions are atomic; `inside` and `most` are only touched in a turn.
        let memory: UnsafeMutableRawPointer
        var inside = 0
        var most = 0
        var turns = 0

        init(bytes: Int) {
            memory = .allocate(byteCount: bytes, alignment: 64)
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        }

        deinit { memory.deallocate() }
    }

    private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let done = DispatchSemaphore(value: 0)
        for index in 0..<count {
            Thread {
                body(index)
                done.signal()
            }.start()
        }
        for _ in 0..<count { done.wait() }
    }

    @Test("One has the turn at a time, and nobody is forgotten")
    func exclusion() {
        let shared = Shared(bytes: pg_turn_bytes())
        // More than the 32 bits by which those who wait are told apart.
        onThreads(40) { _ in
            for _ in 0..<200 {
                pg_turn_take(shared.memory)
                shared.inside += 1
                shared.most = max(shared.most, shared.inside)
                shared.turns += 1
                shared.inside -= 1
                pg_turn_give(shared.memory)
            }
        }
        #expect(shared.most == 1 && shared.turns == 8000)
    }

    @Test("Who asks first gets the next turn")
    func order() {
        let shared = Shared(bytes: pg_turn_bytes())
        let drawn = shared.memory.assumingMemoryBound(to: Atomic<UInt32>.self)
        let order = Locked<[Int]>([])
        pg_turn_take(shared.memory)
        let done = DispatchSemaphore(value: 0)
        for index in 0..<5 {
            Thread {
                pg_turn_take(shared.memory)
                order.withLock { $0.append(index) }
                pg_turn_give(shared.memory)
                done.signal()
            }.start()
            // The next one asks when this one waits: its number has been drawn.
            while drawn.pointee.load(ordering: .relaxed) < UInt32(index + 2) { usleep(100) }
        }
        pg_turn_give(shared.memory)
        for _ in 0..<5 { done.wait() }
        #expect(order.withLock { $0 } == [0, 1, 2, 3, 4])
    }

    @Test("A bell that rang since it was read does not let anyone sleep, and wakes who does")
    func bell() {
        let shared = Shared(bytes: pg_bell_bytes())
        let before = pg_bell_count(shared.memory)
        pg_bell_ring(shared.memory)
        // Would last an hour.
        pg_bell_wait(shared.memory, before, 3_600_000_000_000)
        let seen = pg_bell_count(shared.memory)
        #expect(seen == before + 1)
        onThreads(2) { index in
            if index == 0 {
                while pg_bell_count(shared.memory) == seen { pg_bell_wait(shared.memory, seen, 3_600_000_000_000) }
            } else {
                pg_bell_ring(shared.memory)
            }
        }
        // Nobody rings: the time ends it.
        pg_bell_wait(shared.memory, pg_bell_count(shared.memory), 1_000_000)
        #expect(pg_bell_count(shared.memory) == before + 2)
    }
}
