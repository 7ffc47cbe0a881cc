import Base
import Testing

@Suite("The stall detector finds threads that make no progress")
struct StallDetectorTests {
    @Test("A working thread is stuck after the timeout, one that waits for others after twice the timeout")
    func timeouts() {
        for (activity, observations) in [(Activity.working(7), 10), (.waiting(7), 20)] {
            var detector = StallDetector(timeout: 1, pause: 0.1)
            let stalled = (0...observations).map { _ in detector.isStalled(observing: activity) }
            #expect(stalled.firstIndex(of: true) == observations)
        }
    }

    @Test("A thread that makes progress and an idle one are never stuck")
    func progress() {
        var detector = StallDetector(timeout: 1, pause: 0.1)
        let working = (0..<100).map { detector.isStalled(observing: .working(UInt64($0))) }
        let idle = (0..<100).map { _ in detector.isStalled(observing: .idle) }
        #expect(!working.contains(true) && !idle.contains(true))
    }

    @Test("A counter is idle between pieces of work, and changes with the progress of one")
    func counter() {
        let counter = ActivityCounter()
        #expect(counter.activity == .idle)
        counter.begin()
        let first = counter.activity
        counter.advance()
        #expect(first != .idle && counter.activity != .idle && counter.activity != first)
        counter.end()
        #expect(counter.activity == .idle)
    }
}
