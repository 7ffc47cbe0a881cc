import Queue
import TestSupport
import Testing

/// Random operations on the queue and on a model of it in memory: after each, both must say the same.
@Suite("The queue and its model", .timeLimit(.minutes(15))) struct QueueModelTests {
    @Test("Random operations give the states of a simple model of the queue", arguments: QueueKind.allCases, 1...6)
    func randomOperations(kind: QueueKind, seed: Int) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        var run = ModelRun(bench: bench, generator: SeededGenerator(seed: UInt64(seed)))
        for _ in 0..<400 { try run.step() }
        try queue.verify()
        try run.compareResults()
        #expect(run.finished.count > 10)
        #expect(run.refused > 0)
        // A run that never held a lease would prove nothing.
        for operation in ModelRun.Operation.allCases {
            #expect(run.performed[operation, default: 0] > 0, "no \(operation)")
        }
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
        var owner = ""
        var isSuspect = false
        var deaths = 0
    }

    /// Kinds of operations that changed something.
    enum Operation: CaseIterable {
        case submit, replace, lease, finish, fail, release, renew, death
    }

    let bench: QueueBench
    var queue: any JobQueue { bench.queue }
    /// Nanoseconds that the clock was advanced by.
    private var now: Int64 = 1
    var generator: SeededGenerator
    /// In the order of submission.
    var order: [String] = []
    var entries: [String: Entry] = [:]
    /// Every handle that was ever given out.
    var handles: [LeaseHandle] = []
    var finished: [String] = []
    /// Operations with a stale handle.
    var refused = 0
    /// The number of operations that changed something.
    var performed: [Operation: Int] = [:]
    private var lastToken: Int64 = 0

    init(bench: QueueBench, generator: SeededGenerator) {
        self.bench = bench
        self.generator = generator
    }

    private mutating func advance(by duration: Duration) throws {
        now += duration.nanoseconds
        try bench.advance(by: duration)
    }

    mutating func step() throws {
        switch Int.random(in: 0..<11, using: &generator) {
        case 0, 1: try submit()
        case 2, 3: try lease()
        case 4, 5: try finish()
        case 6: try fail()
        case 7: try release()
        case 8: try renew()
        case 9: try die()
        default: try advance(by: .milliseconds(Int.random(in: 0...4000, using: &generator)))
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
                performed[.submit, default: 0] += 1
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
            performed[.replace, default: 0] += 1
        }
    }

    private mutating func lease() throws {
        let limit = Int.random(in: 1...6, using: &generator)
        let duration = Duration.milliseconds(Int.random(in: 1...6000, using: &generator))
        let owner = ["one", "two", "three"][Int.random(in: 0..<3, using: &generator)]
        var expired: [String] = []
        for id in order {
            guard var entry = entries[id], entry.deadline <= now else { continue }
            if entry.state == .leased && entry.attempts >= 5 {
                entry.state = .failed
                expired.append(id)
            } else if entry.state == .leased || entry.state == .retry {
                if entry.state == .leased { entry.isSuspect = true }
                entry.state = .ready
            }
            entries[id] = entry
        }
        let leases = try queue.lease(limit: limit, for: duration, owner: owner)
        finished += expired.sorted { place($0) < place($1) }
        #expect(leases.map(\.job.id) == expectedLeases(limit, owner))
        performed[.lease, default: 0] += leases.count
        for lease in leases {
            #expect(lease.handle.token > lastToken)
            lastToken = lease.handle.token
            handles.append(lease.handle)
            #expect(entries[lease.job.id]?.isSuspect == lease.isSuspect)
            entries[lease.job.id]?.state = .leased
            entries[lease.job.id]?.owner = owner
            entries[lease.job.id]?.attempts += 1
            entries[lease.job.id]?.token = lease.handle.token
            entries[lease.job.id]?.deadline = now + duration.nanoseconds
            #expect(entries[lease.job.id]?.attempts == lease.attempt)
        }
    }

    private func place(_ id: String) -> Int { order.firstIndex(of: id) ?? 0 }

    private func expectedLeases(_ limit: Int, _ owner: String) -> [String] {
        let held = entries.values.filter { $0.state == .leased && $0.owner == owner }
        if held.contains(where: \.isSuspect) { return [] }
        let suspects = order.filter { entries[$0]?.state == .ready && entries[$0]?.isSuspect == true }
        if held.isEmpty, let first = suspects.min(by: { (deaths($0), place($0)) < (deaths($1), place($1)) }) {
            return [first]
        }
        return Array(readyInOrder().filter { entries[$0]?.isSuspect == false }.prefix(limit))
    }

    private func deaths(_ id: String) -> Int { entries[id]?.deaths ?? 0 }

    private mutating func die() throws {
        let owner = ["one", "two", "three"][Int.random(in: 0..<3, using: &generator)]
        let record = try queue.recordDeath(ofWorld: owner, cause: "SIGKILL")
        var poisoned: [String] = []
        var reclaimed = 0
        for id in order {
            guard var entry = entries[id], entry.state == .leased, entry.owner == owner else { continue }
            if entry.isSuspect { entry.deaths += 1 }
            if entry.deaths >= 3 {
                entry.state = .failed
                poisoned.append(id)
            } else {
                entry.state = .ready
                entry.isSuspect = true
                entry.attempts -= 1
                reclaimed += 1
            }
            entries[id] = entry
        }
        finished += poisoned
        performed[.death, default: 0] += reclaimed + poisoned.count
        #expect(record.poisoned == poisoned)
        #expect(record.reclaimed == reclaimed)
    }

    private func readyInOrder() -> [String] {
        let ready = order.enumerated().compactMap { place, id -> (priority: Int, place: Int, id: String)? in
            guard let entry = entries[id], entry.state == .ready else { return nil }
            return (entry.priority, place, id)
        }
        return ready.sorted { ($1.priority, $0.place) < ($0.priority, $1.place) }.map(\.id)
    }

    /// Any handle ever given out, the living ones more often.
    private mutating func anyHandle() -> LeaseHandle? {
        let living = handles.filter(isValid)
        return Bool.random(using: &generator) && !living.isEmpty
            ? living.randomElement(using: &generator) : handles.randomElement(using: &generator)
    }

    private func isValid(_ handle: LeaseHandle) -> Bool {
        guard let entry = entries[handle.jobID] else { return false }
        return entry.state == .leased && entry.token == handle.token
    }

    private mutating func finish() throws {
        guard let handle = anyHandle() else { return }
        guard isValid(handle) else {
            refused += 1
            #expect(throws: QueueError.staleLease(jobID: handle.jobID)) {
                try queue.finish(handle, with: sampleAnswer)
            }
            return
        }
        try queue.finish(handle, with: sampleAnswer)
        entries[handle.jobID]?.state = .done
        performed[.finish, default: 0] += 1
        finished.append(handle.jobID)
    }

    private mutating func fail() throws {
        guard let handle = anyHandle() else { return }
        let permanent = Bool.random(using: &generator)
        guard isValid(handle), let attempts = entries[handle.jobID]?.attempts else {
            refused += 1
            #expect(throws: QueueError.staleLease(jobID: handle.jobID)) {
                try queue.fail(handle, with: passingFailure, permanent: permanent, seconds: 0)
            }
            return
        }
        let state = try queue.fail(handle, with: passingFailure, permanent: permanent, seconds: 0)
        #expect(state == (permanent || attempts >= 5 ? .failed : .retry))
        entries[handle.jobID]?.state = state
        performed[.fail, default: 0] += 1
        if state == .failed {
            finished.append(handle.jobID)
        } else {
            // The pause is random; wait until it is surely over, so that the model need not know it.
            entries[handle.jobID]?.deadline = now
            try advance(by: .seconds(30))
        }
    }

    private mutating func release() throws {
        guard let handle = anyHandle() else { return }
        try queue.release([handle])
        guard isValid(handle) else { return }
        entries[handle.jobID]?.state = .ready
        entries[handle.jobID]?.attempts -= 1
        performed[.release, default: 0] += 1
    }

    private mutating func renew() throws {
        guard let handle = anyHandle() else { return }
        let lost = try queue.renew([handle], for: .seconds(3))
        #expect(lost == (isValid(handle) ? [] : [handle]))
        guard isValid(handle) else { return }
        entries[handle.jobID]?.deadline = now + 3_000_000_000
        performed[.renew, default: 0] += 1
    }
}
