import CKernels
import Foundation
import Synchronization

/// A fixed team of compute threads. The caller of ``run(_:_:)`` is one of them, so a team of one starts no thread.
///
/// One region runs at a time: tasks are taken in ascending order by whoever is free, and `run` returns when all are
/// done. A worker without work spins for some microseconds and then sleeps, so that ranks that share cores do not
/// steal from each other.
package final class ThreadTeam: @unchecked Sendable {
    // @unchecked: what is shared is atomic, or written by the caller before `generation` is raised and read after.
    package let count: Int
    private let next = Atomic<Int>(0)
    private let running = Atomic<Int>(0)
    private let generation = Atomic<Int>(0)
    private let alive: Atomic<Int>
    private let stopping = Atomic<Bool>(false)
    private var taskCount = 0
    private var body: (@Sendable (Int, Int) -> Void)?
    private let wake = NSCondition()
    private let done = NSCondition()
    private let spins: Int
    private var scratch: [ThreadScratch]

    /// - Parameters:
    ///   - count: threads, the caller included.
    ///   - spins: how often a waiting thread looks again before it sleeps; 0 where cores are shared.
    package init(count: Int, spins: Int = 2000) {
        precondition(count >= 1)
        self.count = count
        self.spins = spins
        alive = Atomic(count - 1)
        scratch = (0..<count).map { _ in ThreadScratch() }
        for index in 1..<count {
            let thread = Thread { [unowned(unsafe) self] in self.work(thread: index) }
            thread.name = "compute-\(index)"
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    deinit {
        stopping.store(true, ordering: .releasing)
        wake.lock()
        generation.wrappingAdd(1, ordering: .releasing)
        wake.broadcast()
        wake.unlock()
        while alive.load(ordering: .acquiring) > 0 { usleep(50) }
    }

    /// Calls `body(task, thread)` once for every task in 0..<tasks, on all threads of the team.
    package func run(_ tasks: Int, _ body: @Sendable (_ task: Int, _ thread: Int) -> Void) {
        guard tasks > 1, count > 1 else {
            for task in 0..<max(tasks, 0) { body(task, 0) }
            return
        }
        withoutActuallyEscaping(body) { body in
            self.body = body
            taskCount = tasks
            next.store(0, ordering: .relaxed)
            running.store(count - 1, ordering: .relaxed)
            wake.lock()
            generation.wrappingAdd(1, ordering: .releasing)
            wake.broadcast()
            wake.unlock()
            takeTasks(thread: 0)
            waitForWorkers()
            self.body = nil
        }
    }

    /// Memory for one thread inside a region, at least `count` floats, kept for the next time.
    func scratch(thread: Int, count: Int) -> UnsafeMutablePointer<Float> {
        scratch[thread].floats(count)
    }

    private func takeTasks(thread: Int) {
        guard let body else { return }
        while true {
            let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
            if task >= taskCount { return }
            body(task, thread)
        }
    }

    private func waitForWorkers() {
        for _ in 0..<spins {
            if running.load(ordering: .acquiring) == 0 { return }
            pg_pause()
        }
        done.lock()
        while running.load(ordering: .acquiring) > 0 { done.wait() }
        done.unlock()
    }

    private func work(thread: Int) {
        var seen = 0
        while true {
            seen = waitForRegion(after: seen)
            if stopping.load(ordering: .acquiring) { break }
            takeTasks(thread: thread)
            if running.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
                done.lock()
                done.signal()
                done.unlock()
            }
        }
        alive.wrappingSubtract(1, ordering: .releasing)
    }

    private func waitForRegion(after seen: Int) -> Int {
        for _ in 0..<spins {
            let now = generation.load(ordering: .acquiring)
            if now != seen { return now }
            pg_pause()
        }
        wake.lock()
        defer { wake.unlock() }
        while generation.load(ordering: .acquiring) == seen { wake.wait() }
        return generation.load(ordering: .acquiring)
    }
}

/// Floats that belong to one thread; grows to the largest request.
private final class ThreadScratch {
    private var memory = Matrix(rows: 0, columns: 0)
    private var capacity = 0

    func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
        if count > capacity {
            memory = Matrix(rows: 1, columns: count)
            capacity = count
        }
        return memory.view.base
    }
}
