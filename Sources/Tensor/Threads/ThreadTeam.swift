import CKernels
import Foundation
import Synchronization

/// A fixed team of compute threads. The caller of ``run(_:_:)`` is one of them, so a team of one starts no thread.
///
/// One parallel region runs at a time: free threads take its tasks in ascending order, and `run` returns when all tasks
/// are done. It waits for tasks, not for threads: where cores are shared, the others do the part of a worker that gets
/// no core in time. A worker without work spins for some microseconds and then sleeps, so that ranks that share cores do
/// not take them from each other.
package final class ThreadTeam: @unchecked Sendable {
    // @unchecked: shared state is atomic, or it is written by the caller before it stores `region` and read only by
    // threads that took a task of that region, which cannot end before the task is done.

    /// Number of threads, the caller included.
    package let count: Int
    private let region = Atomic<UInt64>(0)
    private let finished = Atomic<Int>(0)
    private let regions = Atomic<UInt64>(0)
    private let alive: Atomic<Int>
    private let stopping = Atomic<Bool>(false)
    /// Set while other ranks need the cores: a worker without work sleeps without spinning first.
    private let isParked = Atomic<Bool>(false)
    private var body: (@Sendable (Int, Int) -> Void)?
    private let workAvailable = NSCondition()
    private let workDone = NSCondition()
    private let spins: Int
    private var scratch: [ThreadScratch]

    /// The state of a region in one word, so that one atomic operation takes a task together with the region that it
    /// belongs to: the region's number, how many tasks it has, and how many were taken. Threads that find no task left
    /// have counted one all the same.
    private struct Region {
        static let bits: UInt64 = 24
        static let mask: UInt64 = 1 << bits - 1
        let word: UInt64

        init(word: UInt64) { self.word = word }
        init(number: UInt64, tasks: Int) { word = number << (2 * Self.bits) | UInt64(tasks) << Self.bits }

        var number: UInt64 { word >> (2 * Self.bits) }
        var tasks: Int { Int(word >> Self.bits & Self.mask) }
        var taken: Int { Int(word & Self.mask) }
        /// The region after this one. Numbers repeat after 65536 regions, when no thread can still wait for this one.
        func next(tasks: Int) -> Region { Region(number: (number + 1) & 0xffff, tasks: tasks) }
    }

    /// Starts the threads of the team.
    ///
    /// - Parameters:
    ///   - count: number of threads, the caller included; at least 1.
    ///   - spins: how often a waiting thread checks for work before it sleeps; 0 where cores are shared.
    package init(count: Int, spins: Int = 2000) {
        precondition(count >= 1)
        self.count = count
        self.spins = spins
        alive = Atomic(count - 1)
        scratch = (0..<count).map { _ in ThreadScratch() }
        for index in 1..<count {
            Thread.start("compute-\(index)", stackBytes: 4 << 20) { [unowned(unsafe) self] in
                self.work(thread: index)
            }
        }
    }

    deinit {
        stopping.store(true, ordering: .releasing)
        open(current.next(tasks: 0))
        while alive.load(ordering: .acquiring) > 0 { usleep(50) }
    }

    /// A number that changes with every region that begins and every task that is taken, for the watchdog.
    package var progress: UInt64 {
        regions.load(ordering: .relaxed) &+ region.load(ordering: .relaxed)
    }

    /// Calls `body(task, thread)` once for every task in 0..<tasks, on all threads of the team.
    package func run(_ tasks: Int, _ body: @Sendable (_ task: Int, _ thread: Int) -> Void) {
        regions.wrappingAdd(1, ordering: .relaxed)
        guard tasks > 1, count > 1 else {
            for task in 0..<max(tasks, 0) { body(task, 0) }
            return
        }
        precondition(tasks < Int(Region.mask) - count)
        withoutActuallyEscaping(body) { body in
            self.body = body
            finished.store(0, ordering: .relaxed)
            open(current.next(tasks: tasks))
            takeTasks(thread: 0)
            waitForTasks(tasks)
            self.body = nil
        }
    }

    /// Returns memory for one thread inside a region, at least `count` float32. It is reused by the next call.
    package func scratch(thread: Int, count: Int) -> UnsafeMutablePointer<Float> {
        scratch[thread].floats(count)
    }

    private var current: Region { Region(word: region.load(ordering: .acquiring)) }

    private func open(_ next: Region) {
        region.store(next.word, ordering: .releasing)
        workAvailable.lock()
        workAvailable.broadcast()
        workAvailable.unlock()
    }

    private func takeTasks(thread: Int) {
        while true {
            let seen = Region(word: region.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue)
            guard seen.taken < seen.tasks else { return }
            perform(seen.taken, thread: thread)
            if finished.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == seen.tasks {
                workDone.lock()
                workDone.signal()
                workDone.unlock()
            }
        }
    }

    /// A function of its own, so that no thread still holds the closure when its last task counts as finished.
    @inline(never)
    private func perform(_ task: Int, thread: Int) { body?(task, thread) }

    private func waitForTasks(_ tasks: Int) {
        for _ in 0..<spins {
            if finished.load(ordering: .acquiring) == tasks { return }
            pg_pause()
        }
        workDone.lock()
        while finished.load(ordering: .acquiring) < tasks { workDone.wait() }
        workDone.unlock()
    }

    private func work(thread: Int) {
        var seen: UInt64 = 0
        while true {
            seen = waitForRegion(after: seen)
            if stopping.load(ordering: .acquiring) { break }
            takeTasks(thread: thread)
        }
        alive.wrappingSubtract(1, ordering: .releasing)
    }

    private func waitForRegion(after seen: UInt64) -> UInt64 {
        while true {
            for _ in 0..<spins {
                let now = current.number
                if now != seen { return now }
                if isParked.load(ordering: .relaxed) { break }
                pg_pause()
            }
            workAvailable.lock()
            if current.number == seen { workAvailable.wait() }
            let now = current.number
            workAvailable.unlock()
            if now != seen { return now }
        }
    }

    /// Parks the workers: they sleep without spinning until the next region or until ``wake()``. To be called when other
    /// ranks need the cores.
    package func park() { isParked.store(true, ordering: .relaxed) }

    /// Wakes the workers for a region that begins soon: they spin for it as long as after a region.
    package func wake() {
        isParked.store(false, ordering: .relaxed)
        workAvailable.lock()
        workAvailable.broadcast()
        workAvailable.unlock()
    }
}

/// Scratch memory of one thread, in float32; it grows to the largest request.
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
