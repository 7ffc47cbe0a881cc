import Measure
import Testing

@Suite("A steady state is measured between ramp-up and drain")
struct SteadyStateTests {
    private typealias Progress = SteadyState.Progress

    /// Looks every second at a world that answers a burst of pictures every so many seconds, in two steps.
    private func progress(bursts: Int, of pictures: Int, every seconds: Int) -> [Progress] {
        (0...bursts * seconds + seconds / 2).map { time in
            let (whole, rest) = (time / seconds, time % seconds)
            let early = rest == seconds - 1 ? pictures / 2 : 0
            return Progress(time: Double(time), answered: whole * pictures + early)
        }
    }

    @Test("The window holds whole bursts after as many answers as are in flight")
    func wholeRounds() throws {
        let state = try #require(
            SteadyState(progress: progress(bursts: 6, of: 8, every: 20), inFlight: 12, events: []))
        #expect(state.seconds == 80 && state.pictures == 32)
        #expect(state.picturesPerHour == 1440)
    }

    @Test("A last burst that may be incomplete does not count")
    func incompleteBurst() throws {
        var seen = progress(bursts: 6, of: 8, every: 20)
        seen.append(Progress(time: Double(seen.count), answered: 50))
        let state = try #require(SteadyState(progress: seen, inFlight: 12, events: []))
        #expect(state.seconds == 80 && state.pictures == 32)
    }

    @Test("One long pause at the beginning does not hide the bursts after it")
    func irregularBursts() throws {
        var seen = [Progress(time: 10, answered: 8), Progress(time: 90, answered: 16)]
        for burst in 1...20 { seen.append(Progress(time: Double(90 + 4 * burst), answered: 16 + 4 * burst)) }
        seen.append(Progress(time: 173, answered: 96))
        let state = try #require(SteadyState(progress: seen, inFlight: 16, events: []))
        #expect(state.pictures == 80 && state.seconds == 80)
    }

    @Test("Answers that come one by one are as many bursts")
    func oneByOne() throws {
        let seen = (0...100).map { Progress(time: Double($0) * 2, answered: $0) }
        let state = try #require(SteadyState(progress: seen, inFlight: 10, events: []))
        #expect(state.pictures == 89 && state.seconds == 178)
    }

    @Test("Shares are those of the window alone, and sequences are counted by the time that they decode")
    func shares() throws {
        let events = [
            SteadyState.Event(kind: .vision, rank: 0, start: 0, end: 60, items: 8),
            SteadyState.Event(kind: .prefill, rank: 1, start: 50, end: 60, items: 8),
            SteadyState.Event(kind: .prefill, rank: 2, start: 50, end: 70, items: 8),
            SteadyState.Event(kind: .decode, rank: 1, start: 70, end: 100, items: 8),
            SteadyState.Event(kind: .decode, rank: 1, start: 100, end: 130, items: 4),
        ]
        // From 40 to 120 s.
        let state = try #require(
            SteadyState(progress: progress(bursts: 6, of: 8, every: 20), inFlight: 12, events: events))
        #expect(state.visionShare == 0.25)
        #expect(state.prefillShare == 0.1875)
        #expect(state.decodeShare == 0.625)
        // 30 s with 8 sequences and 20 s with 4.
        #expect(abs(state.sequencesPerStep - 6.4) < 1e-9)
    }

    @Test("A stage that did more pictures in the window than were answered is counted by what it did")
    func workInProgress() throws {
        // From 40 to 120 s 32 pictures are answered, and 40 are encoded and prefilled by two ranks each.
        var events: [SteadyState.Event] = []
        for batch in 0..<5 {
            let start = 40 + Double(batch) * 16
            events.append(.init(kind: .vision, rank: 0, start: start, end: start + 4, items: 8))
            for rank in [1, 2] {
                events.append(.init(kind: .prefill, rank: rank, start: start + 4, end: start + 12, items: 8))
                events.append(.init(kind: .decode, rank: rank, start: start + 12, end: start + 16, items: 8))
            }
        }
        let state = try #require(
            SteadyState(progress: progress(bursts: 6, of: 8, every: 20), inFlight: 12, events: events))
        // A picture takes 20 / 40 + 40 / 40 + 20 / 32 s of a rank's 80.
        #expect(state.pictures == 32)
        #expect(abs(state.picturesPerHour - 3600 / 2.125) < 1e-6)
    }

    @Test("Without a whole round after the ramp-up there is no steady state, and a longer one is waited for")
    func tooShort() {
        let short = progress(bursts: 2, of: 8, every: 20)
        #expect(SteadyState(progress: short, inFlight: 16, events: []) == nil)
        #expect(SteadyState(progress: [], inFlight: 0, events: []) == nil)
        let long = progress(bursts: 6, of: 8, every: 20)
        #expect(SteadyState.isLongEnough(long, inFlight: 12, seconds: 80, pictures: 32))
        #expect(!SteadyState.isLongEnough(long, inFlight: 12, seconds: 81, pictures: 32))
        #expect(!SteadyState.isLongEnough(long, inFlight: 12, seconds: 80, pictures: 33))
    }
}
