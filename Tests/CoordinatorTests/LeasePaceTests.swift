import Coordinator
import Testing

/// A world holds what it can finish in the time of a lease.
@Suite("The number of leases that a world holds") struct LeasePaceTests {
    @Test("Before the first jobs are finished a world gets as many leases as it asks for")
    func firstJobs() {
        let pace = LeasePace(lease: 60)
        #expect(pace.allowance(wanted: 16, held: 0) == 16)
    }

    @Test("A world holds the jobs that it can finish within a lease", arguments: [(10.0, 6), (1.0, 60), (50.0, 3)])
    func leaseLimit(secondsAJob: Double, most: Int) {
        var pace = LeasePace(lease: 60)
        pace.advance(to: 100, holding: 0)
        for number in 1...200 {
            pace.advance(to: 100 + Double(number) * secondsAJob, holding: 2)
            pace.finish()
        }
        #expect(pace.allowance(wanted: 1000, held: 0) == most)
        #expect(pace.allowance(wanted: 1000, held: most - 1) == 1)
        #expect(pace.allowance(wanted: 1000, held: most + 3) == 0)
    }

    @Test("Neither idle time nor the latency of the first job changes the throughput")
    func idleTime() {
        var pace = LeasePace(lease: 60)
        pace.advance(to: 0, holding: 0)
        pace.advance(to: 500, holding: 16)
        pace.finish()
        #expect(pace.allowance(wanted: 100, held: 15) == 100)
        pace.advance(to: 1000, holding: 0)
        pace.advance(to: 1010, holding: 1)
        pace.finish()
        #expect(pace.allowance(wanted: 100, held: 0) == 6)
    }
}
