import Coordinator
import TestSupport
import Testing

/// Random operations on the queue and on a model of it in memory: after each, both must say the same.
@Suite(.timeLimit(.minutes(5))) struct QueueModelTests {
    @Test(arguments: 1...6)
    func theQueueBehavesAsItsModel(seed: Int) throws {
        let folder = try TemporaryFolder()
        let clock = TestClock()
        let queue = try SQLiteQueue(path: folder.file("jobs.db"), create: true, clock: clock)
        var run = ModelRun(queue: queue, clock: clock, generator: SeededGenerator(seed: UInt64(seed)))
        for _ in 0..<400 { try run.step() }
        try queue.verify()
        try run.compareResults()
        #expect(run.finished.count > 10)
        #expect(run.refused > 0)
    }
}

/// What a queue should be: a dictionary.
private struct ModelRun {
    struct Entry {
        var state = JobState.ready
        var attempts = 0
        var token: Int64 = 0
        var deadline: Int64 = 0
        var priority = 0
        var prompt = ""
    }

    let queue: SQLiteQueue
    let clock: TestClock
    var generator: SeededGenerator
    /// In the order of submission.
    var order: [String] = []
    var entries: [String: Entry] = [:]
    /// Every ticket that was ever given out.
    var tickets: [Lease.Ticket] = []
    var finished: [String] = []
    var refused = 0
    private var lastToken: Int64 = 0

    init(queue: SQLiteQueue, clock: TestClock, generator: SeededGenerator) {
        self.queue = queue
        self.clock = clock
        self.generator = generator
    }

    mutating func step() throws {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0, 1: try submit()
        case 2, 3: try lease()
        case 4, 5: try finish()
        case 6: try fail()
        case 7: try release()
        case 8: try renew()
        default: clock.advance(by: .milliseconds(Int.random(in: 0...4000, using: &generator)))
        }
        var counts = JobCounts()
        for entry in entries.values { counts[entry.state] += 1 }
        #expect(try queue.counts() == counts)
    }

    func compareResults() throws {
        #expect(try queue.results(after: 0, limit: 100_000).map(\.id) == finished)
        let sorted = order.filter { finished.contains($0) }
        #expect(try queue.sortedResults(afterSequence: 0, limit: 100_000).map(\.id) == sorted)
    }

    private mutating func submit() throws {
        for _ in 0..<Int.random(in: 1...5, using: &generator) {
            let id = "job-\(Int.random(in: 0..<200, using: &generator))"
            let prompt = Int.random(in: 0..<8, using: &generator) == 0 ? "other" : "caption en"
            let priority = Int.random(in: 0...2, using: &generator)
            let job = Job(
                id: id, images: [JobImage(name: id, path: "/\(id)")], prompt: prompt, priority: priority)
            guard let known = entries[id] else {
                #expect(try queue.submit([job], otherContents: .refuse).added == 1)
                order.append(id)
                entries[id] = Entry(priority: priority, prompt: prompt)
                continue
            }
            if known.prompt == prompt {
                #expect(try queue.submit([job], otherContents: .refuse).known == 1)
                continue
            }
            #expect(throws: QueueError.self) { try queue.submit([job], otherContents: .refuse) }
            #expect(try queue.submit([job], otherContents: .replace).replaced == 1)
            entries[id] = Entry(priority: priority, prompt: prompt)
            finished.removeAll { $0 == id }
        }
    }

    private mutating func lease() throws {
        let limit = Int.random(in: 1...6, using: &generator)
        let duration = Duration.milliseconds(Int.random(in: 1...6000, using: &generator))
        let now = clock.bootNanoseconds()
        for id in order {
            guard var entry = entries[id], entry.deadline <= now else { continue }
            if entry.state == .leased && entry.attempts >= 5 {
                entry.state = .failed
                finished.append(id)
            } else if entry.state == .leased || entry.state == .retry {
                entry.state = .ready
            }
            entries[id] = entry
        }
        let leases = try queue.lease(limit: limit, for: duration, owner: "test")
        #expect(leases.map(\.job.id) == Array(readyInOrder().prefix(limit)))
        for lease in leases {
            #expect(lease.ticket.token > lastToken)
            lastToken = lease.ticket.token
            tickets.append(lease.ticket)
            entries[lease.job.id]?.state = .leased
            entries[lease.job.id]?.attempts += 1
            entries[lease.job.id]?.token = lease.ticket.token
            entries[lease.job.id]?.deadline = now + duration.nanoseconds
            #expect(entries[lease.job.id]?.attempts == lease.attempt)
        }
    }

    private func readyInOrder() -> [String] {
        let ready = order.enumerated().compactMap { place, id -> (priority: Int, place: Int, id: String)? in
            guard let entry = entries[id], entry.state == .ready else { return nil }
            return (entry.priority, place, id)
        }
        return ready.sorted { ($1.priority, $0.place) < ($0.priority, $1.place) }.map(\.id)
    }

    /// Any ticket ever given out, the living ones more often.
    private mutating func anyTicket() -> Lease.Ticket? {
        let living = tickets.filter(isValid)
        return Bool.random(using: &generator) && !living.isEmpty
            ? living.randomElement(using: &generator) : tickets.randomElement(using: &generator)
    }

    private func isValid(_ ticket: Lease.Ticket) -> Bool {
        guard let entry = entries[ticket.jobID] else { return false }
        return entry.state == .leased && entry.token == ticket.token
    }

    private mutating func finish() throws {
        guard let ticket = anyTicket() else { return }
        guard isValid(ticket) else {
            refused += 1
            #expect(throws: QueueError.staleLease(jobID: ticket.jobID)) {
                try queue.finish(ticket, with: sampleAnswer)
            }
            return
        }
        try queue.finish(ticket, with: sampleAnswer)
        entries[ticket.jobID]?.state = .done
        finished.append(ticket.jobID)
    }

    private mutating func fail() throws {
        guard let ticket = anyTicket() else { return }
        let permanent = Bool.random(using: &generator)
        guard isValid(ticket), let attempts = entries[ticket.jobID]?.attempts else {
            refused += 1
            #expect(throws: QueueError.staleLease(jobID: ticket.jobID)) {
                try queue.fail(ticket, with: passingFailure, permanent: permanent, seconds: 0)
            }
            return
        }
        let state = try queue.fail(ticket, with: passingFailure, permanent: permanent, seconds: 0)
        #expect(state == (permanent || attempts >= 5 ? .failed : .retry))
        entries[ticket.jobID]?.state = state
        if state == .failed {
            finished.append(ticket.jobID)
        } else {
            // The pause is random; wait until it is surely over, so that the model need not know it.
            entries[ticket.jobID]?.deadline = clock.bootNanoseconds()
            clock.advance(by: .seconds(30))
        }
    }

    private mutating func release() throws {
        guard let ticket = anyTicket() else { return }
        try queue.release([ticket])
        guard isValid(ticket) else { return }
        entries[ticket.jobID]?.state = .ready
        entries[ticket.jobID]?.attempts -= 1
    }

    private mutating func renew() throws {
        guard let ticket = anyTicket() else { return }
        let lost = try queue.renew([ticket], for: .seconds(3))
        #expect(lost == (isValid(ticket) ? [] : [ticket]))
        if isValid(ticket) { entries[ticket.jobID]?.deadline = clock.bootNanoseconds() + 3_000_000_000 }
    }
}
