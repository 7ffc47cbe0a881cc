import Synchronization
import Tensor
import TestSupport
import Testing

@Suite("A team of compute threads", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct ThreadTeamTests {
    /// Short regions in a row: workers come late to most of them, and some only to the next one.
    @Test("Every task of a region is done once, before the region ends", arguments: [0, 50])
    func regions(spins: Int) {
        let team = ThreadTeam(count: 5, spins: spins)
        let counts = (0..<64).map { _ in Counter() }
        for round in 1...3000 {
            let tasks = round % 64 + 1
            // Parking and waking must lose no region and no worker.
            if round % 5 == 0 { team.park() }
            if round % 7 == 0 { team.wake() }
            team.run(tasks) { task, thread in
                counts[task].value.wrappingAdd(thread < 5 ? 1 : 100, ordering: .relaxed)
            }
            for task in 0..<64 {
                let done = counts[task].value.exchange(0, ordering: .relaxed)
                if done != (task < tasks ? 1 : 0) { Issue.record("task \(task) of \(tasks) was done \(done) times") }
            }
        }
    }

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }
}
