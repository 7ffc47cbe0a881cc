import Coordinator
import TestSupport
import Testing

@Suite("The schedule")
struct ScheduleTests {
    static func limits(visionRanks: Int = 1, cachePositions: Int = 10_000, sequences: Int = 64) -> Schedule.Limits {
        Schedule.Limits(
            visionRanks: visionRanks, batchRows: 512, typicalRows: 256, cacheBytesPerPosition: 10,
            cacheBytes: cachePositions * 10, sequences: sequences, decodeSteps: 4)
    }

    @Test("One job passes every stage in order")
    func oneJob() {
        var schedule = Schedule(limits: Self.limits())
        #expect(schedule.handle(.retryQueue) == [.lease(4)])
        #expect(schedule.handle(.leased([1])) == [.prepare(1), .lease(3)])
        #expect(schedule.handle(.leased([])) == [])
        #expect(schedule.handle(.prepared(1, rows: 256, positions: 270)) == [.encode(1, [1], visionRank: 0)])
        #expect(schedule.handle(.encoding(1)) == [.prefill(1, [1])])
        #expect(schedule.handle(.encoded(1)) == [])
        #expect(schedule.handle(.answered(ended: [])) == [.decode([1], steps: 4)])
        #expect(!schedule.isIdle)
        #expect(schedule.handle(.answered(ended: [1])) == [])
        #expect(schedule.isIdle && schedule.jobsInFlight == 0)
    }

    @Test("The vision stage has its next batch in advance, and no third one")
    func lookahead() {
        var schedule = Schedule(limits: Self.limits())
        _ = schedule.handle(.retryQueue)
        _ = schedule.handle(.leased([1, 2, 3, 4, 5, 6]))
        var encoded: [[UInt64]] = []
        for job in 1...6 {
            for case .encode(_, let jobs, _) in schedule.handle(.prepared(UInt64(job), rows: 256, positions: 270)) {
                encoded.append(jobs)
            }
        }
        // Two batches are filled; the rest waits.
        #expect(encoded == [[1, 2], [3, 4]])
        let actions = schedule.handle(.encoded(1))
        #expect(actions.contains(.prefill(1, [1, 2])) && actions.contains(.encode(3, [5, 6], visionRank: 0)))
    }

    @Test("A batch waits for pictures that are being read, and for nothing else")
    func filling() {
        var schedule = Schedule(limits: Self.limits())
        _ = schedule.handle(.retryQueue)
        #expect(schedule.handle(.leased([1, 2])) == [.prepare(1), .prepare(2), .lease(2)])
        #expect(schedule.handle(.prepared(1, rows: 256, positions: 270)) == [])
        // The second can't be read: the first goes, although the queue has not answered yet.
        #expect(schedule.handle(.unprepared(2)) == [.encode(1, [1], visionRank: 0)])
        // While the vision rank is busy the next batch waits for the queue as well.
        #expect(schedule.handle(.leased([3])) == [.prepare(3), .lease(3)])
        #expect(schedule.handle(.prepared(3, rows: 256, positions: 270)) == [])
        #expect(schedule.handle(.leased([])) == [.encode(2, [3], visionRank: 0)])
    }

    @Test("An urgent job goes before those that wait, alone, and decodes step by step")
    func urgent() {
        var schedule = Schedule(limits: Self.limits())
        _ = schedule.handle(.retryQueue)
        _ = schedule.handle(.leased([1, 2, 3, 4, 5, 6]))
        for job in 1...6 { _ = schedule.handle(.prepared(UInt64(job), rows: 256, positions: 270)) }
        // Two batches are on their way, 5 and 6 wait; the queue is asked although enough is leased.
        #expect(schedule.handle(.urgentJobs) == [])
        #expect(schedule.handle(.leased([7])) == [.prepare(7), .lease(1)])
        #expect(schedule.handle(.prepared(7, rows: 256, positions: 270, isUrgent: true)) == [])
        let actions = schedule.handle(.encoded(1))
        #expect(actions.contains(.encode(3, [7], visionRank: 0)) && actions.contains(.prefill(1, [1, 2])))
        // While it waits, those that decode do one step an order, so that it waits for one step.
        _ = schedule.handle(.encoding(2))
        #expect(schedule.handle(.answered(ended: [])) == [.prefill(2, [3, 4])])
        #expect(schedule.handle(.answered(ended: [])) == [.decode([1, 2, 3, 4], steps: 4)])
        #expect(schedule.handle(.encoding(3)) == [])
        #expect(schedule.handle(.answered(ended: [1, 2])) == [.prefill(3, [7])])
        #expect(schedule.handle(.answered(ended: [])) == [.decode([3, 4, 7], steps: 1)])
        #expect(schedule.handle(.answered(ended: [7])) == [.decode([3, 4], steps: 4)])
    }

    @Test("A job that nobody wants any more leaves, wherever it is")
    func abandoned() {
        var schedule = Schedule(limits: Self.limits())
        _ = schedule.handle(.retryQueue)
        _ = schedule.handle(.leased([1, 2, 3, 4]))
        _ = schedule.handle(.leased([]))
        #expect(schedule.handle(.prepared(1, rows: 400, positions: 410)) == [.encode(1, [1], visionRank: 0)])
        #expect(schedule.handle(.prepared(2, rows: 400, positions: 410)) == [.encode(2, [2], visionRank: 0)])
        #expect(schedule.handle(.prepared(3, rows: 400, positions: 410)) == [])
        #expect(schedule.hasBegun(1) && schedule.hasBegun(2) && !schedule.hasBegun(3) && !schedule.hasBegun(4))
        // One that waits, and one that is being read.
        _ = schedule.handle(.abandoned(3))
        _ = schedule.handle(.abandoned(4))
        #expect(schedule.jobsInFlight == 2)
        #expect(schedule.handle(.encoded(1)) == [.prefill(1, [1])])
        _ = schedule.handle(.encoded(2))
        // Those that had begun end with their next order.
        #expect(schedule.handle(.answered(ended: [1])) == [.prefill(2, [2])])
        #expect(schedule.handle(.answered(ended: [2])) == [])
        #expect(schedule.isIdle && schedule.jobsInFlight == 0)
    }

    @Test("A batch that is full waits for no other picture")
    func full() {
        var schedule = Schedule(limits: Self.limits())
        _ = schedule.handle(.retryQueue)
        _ = schedule.handle(.leased([1, 2, 3]))
        #expect(schedule.handle(.prepared(2, rows: 300, positions: 310)) == [.encode(1, [2], visionRank: 0)])
    }

    @Test("A prefill waits until its KV cache has room, and the other sequences decode meanwhile")
    func cacheBudget() {
        var schedule = Schedule(limits: Self.limits(cachePositions: 500))
        _ = schedule.handle(.retryQueue)
        _ = schedule.handle(.leased([1, 2]))
        _ = schedule.handle(.leased([]))
        _ = schedule.handle(.prepared(1, rows: 256, positions: 300))
        _ = schedule.handle(.prepared(2, rows: 256, positions: 300))
        _ = schedule.handle(.encoded(1))
        _ = schedule.handle(.encoded(2))
        #expect(schedule.handle(.answered(ended: [])) == [.decode([1], steps: 4)])
        #expect(schedule.handle(.answered(ended: [1])) == [.prefill(2, [2])])
    }

    @Test("A job larger than the budget runs alone")
    func oversized() {
        var schedule = Schedule(limits: Self.limits(cachePositions: 10))
        _ = schedule.handle(.retryQueue)
        _ = schedule.handle(.leased([1]))
        #expect(schedule.handle(.prepared(1, rows: 2304, positions: 5000)) == [.encode(1, [1], visionRank: 0)])
        #expect(schedule.handle(.encoding(1)) == [.prefill(1, [1])])
    }

    @Test("Rows of beams count against the limit, and an exclusive job has its batch to itself")
    func sequenceRows() {
        var schedule = Schedule(limits: Self.limits(sequences: 6))
        _ = schedule.handle(.retryQueue)
        _ = schedule.handle(.leased([1, 2, 3, 4]))
        _ = schedule.handle(.leased([]))
        _ = schedule.handle(.prepared(1, rows: 100, positions: 110, sequenceRows: 4))
        _ = schedule.handle(.prepared(2, rows: 100, positions: 110, sequenceRows: 4))
        // The first two together have too many rows for one batch; nothing is waited for that has no room.
        #expect(
            schedule.handle(.prepared(3, rows: 300, positions: 310, isExclusive: true))
                == [.encode(1, [1], visionRank: 0), .encode(2, [2], visionRank: 0)])
        #expect(schedule.handle(.prepared(4, rows: 100, positions: 110)) == [])
        #expect(schedule.handle(.encoded(1)) == [.encode(3, [3], visionRank: 0), .prefill(1, [1])])
        #expect(schedule.handle(.encoded(2)) == [])
        // Four rows live and four more have no room.
        let actions = schedule.handle(.answered(ended: []))
        #expect(actions.contains(.decode([1], steps: 4)))
        #expect(schedule.handle(.answered(ended: [1])).contains(.prefill(2, [2])))
    }

    @Test("Draining releases the jobs that have not begun and finishes the others")
    func drain() {
        var schedule = Schedule(limits: Self.limits())
        _ = schedule.handle(.retryQueue)
        _ = schedule.handle(.leased([1, 2, 3, 4]))
        _ = schedule.handle(.leased([5]))
        for job in 1...5 { _ = schedule.handle(.prepared(UInt64(job), rows: 256, positions: 270)) }
        #expect(schedule.handle(.drain) == [.release(5)])
        #expect(schedule.handle(.leased([9])) == [.release(9)])
        _ = schedule.handle(.encoded(1))
        _ = schedule.handle(.encoded(2))
        _ = schedule.handle(.answered(ended: [1]))
        #expect(!schedule.isIdle)
        _ = schedule.handle(.answered(ended: [2, 3, 4]))
        #expect(schedule.isIdle)
    }

    @Test("In any order of events every job ends once, no limit is passed and nothing stalls", arguments: 0..<60)
    func randomWorlds(seed: Int) {
        let limits = Self.limits(visionRanks: 1 + seed % 3, cachePositions: 600 + seed * 40, sequences: 1 + seed % 7)
        var world = SimulatedWorld(limits: limits, jobs: 40, random: SeededGenerator(seed: UInt64(seed) &* 7919 &+ 1))
        world.run()
        #expect(world.ended.count == 40)
        #expect(world.violations.isEmpty, "\(world.violations)")
        #expect(world.schedule.isIdle)
    }
}

/// A world whose stages answer in random order.
private struct SimulatedWorld {
    var schedule: Schedule
    var random: SeededGenerator
    let limits: Schedule.Limits
    var queue: [UInt64]
    var ended: Set<UInt64> = []
    var violations: [String] = []
    private var positions: [UInt64: Int] = [:]
    private var sequenceRows: [UInt64: Int] = [:]
    private var alive: Set<UInt64> = []
    private var encodings: [[(batch: UInt64, started: Bool)]]
    private var pending: [Schedule.Event] = []
    private var order: [UInt64]?

    init(limits: Schedule.Limits, jobs: Int, random: SeededGenerator) {
        schedule = Schedule(limits: limits)
        self.limits = limits
        self.random = random
        queue = (1...UInt64(jobs)).map { $0 }
        encodings = Array(repeating: [], count: limits.visionRanks)
    }

    mutating func run() {
        take(schedule.handle(.retryQueue))
        for _ in 0..<10_000 where ended.count < 40 || !schedule.isIdle {
            guard let event = nextEvent() else {
                violations.append("stalled with \(ended.count) jobs done")
                return
            }
            take(schedule.handle(event))
        }
    }

    private mutating func nextEvent() -> Schedule.Event? {
        var options: [Int] = []
        if !pending.isEmpty { options.append(0) }
        if order != nil { options.append(1) }
        for rank in encodings.indices where !encodings[rank].isEmpty { options.append(2 + rank) }
        guard let choice = options.randomElement(using: &random) else { return nil }
        switch choice {
        case 0:
            let event = pending.remove(at: Int.random(in: 0..<pending.count, using: &random))
            // Somebody asks the queue again, after it had nothing.
            if event == .leased([]), !queue.isEmpty { pending.append(.retryQueue) }
            return event
        case 1:
            let jobs = order ?? []
            order = nil
            let done = jobs.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
            for job in done {
                if !ended.insert(job).inserted { violations.append("\(job) ended twice") }
                alive.remove(job)
            }
            return .answered(ended: done)
        default:
            let rank = choice - 2
            if !encodings[rank][0].started {
                encodings[rank][0].started = true
                return .encoding(encodings[rank][0].batch)
            }
            return .encoded(encodings[rank].removeFirst().batch)
        }
    }

    private mutating func take(_ actions: [Schedule.Action]) {
        for action in actions {
            switch action {
            case .lease(let count):
                let jobs = Array(queue.prefix(Int.random(in: 0...count, using: &random)))
                queue.removeFirst(jobs.count)
                pending.append(.leased(jobs))
            case .prepare(let job):
                if Int.random(in: 0..<8, using: &random) == 0 {
                    ended.insert(job)
                    pending.append(.unprepared(job))
                } else {
                    positions[job] = Int.random(in: 1...400, using: &random)
                    sequenceRows[job] = Int.random(in: 1...3, using: &random)
                    pending.append(
                        .prepared(
                            job, rows: 256 * (1 + Int(job % 2)), positions: positions[job] ?? 0,
                            sequenceRows: sequenceRows[job] ?? 1, isExclusive: job % 5 == 0))
                }
            case .encode(let batch, _, let rank):
                encodings[rank].append((batch, false))
                if encodings[rank].count > 2 { violations.append("rank \(rank) has \(encodings[rank].count) batches") }
            case .prefill(_, let jobs):
                if order != nil { violations.append("two orders at once") }
                alive.formUnion(jobs)
                checkMemory(newest: jobs)
                order = jobs
            case .decode(let jobs, _):
                if order != nil { violations.append("two orders at once") }
                if Set(jobs) != alive { violations.append("decodes \(jobs), alive \(alive)") }
                order = jobs
            case .release(let job): violations.append("released \(job) without a drain")
            }
        }
    }

    private mutating func checkMemory(newest: [UInt64]) {
        let bytes = alive.reduce(0) { $0 + (positions[$1] ?? 0) } * limits.cacheBytesPerPosition
        let rows = alive.reduce(0) { $0 + (sequenceRows[$1] ?? 1) }
        if rows > limits.sequences, alive.count > 1 { violations.append("\(rows) rows") }
        if newest.count > 1, newest.contains(where: { $0 % 5 == 0 }) { violations.append("\(newest) share a batch") }
        if bytes > limits.cacheBytes, alive.count > 1 { violations.append("\(bytes) bytes of keys and values") }
    }
}
