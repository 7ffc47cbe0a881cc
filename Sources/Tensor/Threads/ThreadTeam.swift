import CKernels
import Foundation
import Synchronization

/// A fixed team of compute threads. The caller of ``run(_:_:)`` is one of them, so a team of one starts no thread.
///
/// One region runs at a time: tasks are taken in ascending order by whoever is free, and `run` returns when all are
/// done. It waits for tasks, not for threads: where cores are shared, a worker that gets no core in time is not missed,
/// for the others do its part. A worker without work spins for some microseconds and then sleeps, so that ranks that
/// share cores do not steal from each other.
package final class ThreadTeam: @unchecked Sendable {
    // @unchecked: what is shared is atomic, or written by the caller before `region` is and read by those only who
    // took a task of that region, which cannot end before they have done it.
    package let count: Int
    private let region = Atomic<UInt64>(0)
    private let finished = Atomic<Int>(0)
    private let regions = Atomic<UInt64>(0)
    private let alive: Atomic<Int>
    private let stopping = Atomic<Bool>(false)
    /// Others need the cores: a worker without work sleeps at once.
    private let resting = Atomic<Bool>(false)
    private var body: (@Sendable (Int, Int) -> Void)?
    private let wake = NSCondition()
    private let done = NSCondition()
    private let spins: Int
    private var scratch: [ThreadScratch]

    /// A region in one word, so that a task and the region that it belongs to are taken together: its number, how many
    /// tasks it has, and how many were taken (more than there are, when a thread looked for one in vain).
    private struct Region {
        static let bits: UInt64 = 24
        static let mask: UInt64 = 1 << bits - 1
        let word: UInt64

        init(word: UInt64) { self.word = word }
        init(number: UInt64, tasks: Int) { word = number << (2 * Self.bits) | UInt64(tasks) << Self.bits }

        var number: UInt64 { word >> (2 * Self.bits) }
        var tasks: Int { Int(word >> Self.bits & Self.mask) }
        var taken: Int { Int(word & Self.mask) }
        /// The one after it; numbers come again after 65536 regions, when no thread can still be looking for this one.
        func next(tasks: Int) -> Region { Region(number: (number + 1) & 0xffff, tasks: tasks) }
    }

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

    /// Changes with every region that begins and every task that is taken: what does not change for long is stuck.
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

    /// Memory for one thread inside a region, at least `count` floats, kept for the next time.
    package func scratch(thread: Int, count: Int) -> UnsafeMutablePointer<Float> {
        scratch[thread].floats(count)
    }

    private var current: Region { Region(word: region.load(ordering: .acquiring)) }

    private func open(_ next: Region) {
        region.store(next.word, ordering: .releasing)
        wake.lock()
        wake.broadcast()
        wake.unlock()
    }

    private func takeTasks(thread: Int) {
        while true {
            let seen = Region(word: region.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue)
            guard seen.taken < seen.tasks else { return }
            perform(seen.taken, thread: thread)
            if finished.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == seen.tasks {
                done.lock()
                done.signal()
                done.unlock()
            }
        }
    }

    /// In a function of its own, so that no thread still holds the closure when its last task counts as finished.
    @inline(never)
    private func perform(_ task: Int, thread: Int) { body?(task, thread) }

    private func waitForTasks(_ tasks: Int) {
        for _ in 0..<spins {
            if finished.load(ordering: .acquiring) == tasks { return }
            pg_pause()
        }
        done.lock()
        while finished.load(ordering: .acquiring) < tasks { done.wait() }
        done.unlock()
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
                if resting.load(ordering: .relaxed) { break }
                pg_pause()
            }
            wake.lock()
            if current.number == seen { wake.wait() }
            let now = current.number
            wake.unlock()
            if now != seen { return now }
        }
    }

    /// No region will come for a while, and others need the cores: workers that look for one go to sleep.
    package func rest() { resting.store(true, ordering: .relaxed) }

    /// Wakes the workers for a region that will come at once: they look for it as long as after the last one.
    package func stir() {
        resting.store(false, ordering: .relaxed)
        wake.lock()
        wake.broadcast()
        wake.unlock()
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
