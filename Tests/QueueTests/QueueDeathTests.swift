import Queue
import Testing

/// A world died with jobs in hand: which of them did it?
@Suite("Worlds that die", .timeLimit(.minutes(15))) struct QueueDeathTests {
    @Test(
        "The jobs of a dead world are tried again alone, and the attempt does not count", arguments: QueueKind.allCases)
    func deadWorld(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try bench.submit(6)
        let held = try queue.lease(limit: 3, for: .seconds(60), owner: "dead")
        let kept = try bench.leaseOne(owner: "living")
        #expect(
            try queue.holders() == [
                LeaseHolder(owner: "dead", jobs: 3, hasSuspect: false),
                LeaseHolder(owner: "living", jobs: 1, hasSuspect: false),
            ])
        let record = try queue.recordDeath(ofWorld: "dead", cause: "SIGSEGV")
        #expect(record.reclaimed == 3)
        #expect(record.poisoned.isEmpty)
        #expect(throws: QueueError.staleLease(jobID: "job-0")) { try queue.finish(held[0].handle, with: sampleAnswer) }

        // A world that has a lease passes them over; one that has none gets one, and nothing beside it.
        #expect(try queue.lease(limit: 1, for: .seconds(60), owner: "living").map(\.job.id) == ["job-4"])
        for id in ["job-0", "job-1", "job-2"] {
            let leases = try queue.lease(limit: 8, for: .seconds(60), owner: "next")
            #expect(leases.map(\.job.id) == [id])
            #expect(leases.map(\.isSuspect) == [true])
            #expect(leases.map(\.attempt) == [1])
            #expect(try queue.lease(limit: 8, for: .seconds(60), owner: "next").isEmpty)
            try queue.finish(leases[0].handle, with: sampleAnswer)
        }
        #expect(try queue.lease(limit: 8, for: .seconds(60), owner: "next").map(\.job.id) == ["job-5"])
        try queue.finish(kept.handle, with: sampleAnswer)
        try queue.verify()
    }

    @Test("A job that kills three worlds alone fails as poison with the cause", arguments: QueueKind.allCases)
    func poison(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try bench.submit(2)
        _ = try queue.lease(limit: 2, for: .seconds(60), owner: "world 0")
        try queue.recordDeath(ofWorld: "world 0", cause: "SIGSEGV")
        for world in 1...3 {
            // job-0 is harmless and comes first while both died equally often.
            var lease = try bench.leaseOne(owner: "world \(world)")
            if lease.job.id == "job-0" {
                try queue.finish(lease.handle, with: sampleAnswer)
                lease = try bench.leaseOne(owner: "world \(world)")
            }
            #expect(lease.job.id == "job-1")
            let record = try queue.recordDeath(ofWorld: "world \(world)", cause: "SIGBUS")
            #expect(record.poisoned == (world == 3 ? ["job-1"] : []))
            // Repeating it changes nothing.
            #expect(try queue.recordDeath(ofWorld: "world \(world)", cause: "SIGBUS") == DeathRecord())
        }
        let counts = try queue.counts()
        #expect(counts.done == 1 && counts.failed == 1 && counts.total == 2)
        let failure = try #require(try queue.failedJobs(code: nil, afterSequence: 0, limit: 9).first?.failure)
        #expect(failure.code == JobFailure.poison)
        #expect(failure.message.contains("SIGBUS"))
        try queue.verify()
    }

    @Test("The jobs of a world that was ended on purpose are released untouched", arguments: QueueKind.allCases)
    func endedOnPurpose(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try bench.submit(4)
        let held = try queue.lease(limit: 3, for: .seconds(60), owner: "ended")
        let kept = try bench.leaseOne(owner: "living")
        #expect(try queue.release(ofWorld: "ended") == 3)
        #expect(try queue.release(ofWorld: "ended") == 0)
        #expect(throws: QueueError.staleLease(jobID: "job-0")) { try queue.finish(held[0].handle, with: sampleAnswer) }
        let again = try queue.lease(limit: 9, for: .seconds(60), owner: "next")
        #expect(again.map(\.job.id) == ["job-0", "job-1", "job-2"])
        #expect(again.map(\.attempt) == [1, 1, 1] && !again.contains(where: \.isSuspect))

        // A suspect job stays one, and no death is counted.
        try queue.recordDeath(ofWorld: "next", cause: "SIGSEGV")
        #expect(try bench.leaseOne(owner: "ended too").isSuspect)
        #expect(try queue.release(ofWorld: "ended too") == 1)
        let suspect = try bench.leaseOne(owner: "last")
        #expect(suspect.job.id == "job-0" && suspect.isSuspect && suspect.attempt == 1)
        try queue.finish(kept.handle, with: sampleAnswer)
        try queue.verify()
    }

    @Test("A world that has not answered yet gets one other job before a suspect job", arguments: QueueKind.allCases)
    func suspectAfterAnother(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try bench.submit(3)
        _ = try bench.leaseOne(owner: "dead")
        try queue.recordDeath(ofWorld: "dead", cause: "SIGSEGV")
        func lease(isProven: Bool) throws -> [Lease] {
            try queue.lease(limit: 8, for: .seconds(60), owner: "world", isProven: isProven)
        }
        let first = try lease(isProven: false)
        #expect(first.map(\.job.id) == ["job-1"])
        #expect(try lease(isProven: false).isEmpty)
        #expect(try !queue.hasAnswered("world"))
        try queue.finish(first[0].handle, with: sampleAnswer)
        #expect(try queue.hasAnswered("world"))
        #expect(try !queue.hasAnswered("dead"))
        let suspect = try lease(isProven: true)
        #expect(suspect.map(\.job.id) == ["job-0"])
        try queue.finish(suspect[0].handle, with: sampleAnswer)
        // Without suspects nothing is held back, and without others the suspect has to do.
        let last = try lease(isProven: false)
        #expect(last.map(\.job.id) == ["job-2"])
        try queue.recordDeath(ofWorld: "world", cause: "SIGSEGV")
        #expect(try lease(isProven: false).map(\.isSuspect) == [true])
    }

    @Test("Where the machine may be the cause, deaths are counted and no job fails", arguments: QueueKind.allCases)
    func machineAsCause(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try bench.submit(2)
        _ = try queue.lease(limit: 2, for: .seconds(60), owner: "world 0")
        #expect(try !queue.recordDeath(ofWorld: "world 0", cause: "SIGILL", failsPoison: false).wasAlone)
        for world in 1...8 {
            // One after the other: a job that died more often does not keep the others waiting.
            #expect(try bench.leaseOne(owner: "world \(world)").job.id == "job-\((world - 1) % 2)")
            let record = try queue.recordDeath(ofWorld: "world \(world)", cause: "SIGILL", failsPoison: false)
            #expect(record.reclaimed == 1 && record.poisoned.isEmpty && record.wasAlone)
        }
        #expect(try queue.counts().ready == 2)
        let lease = try bench.leaseOne(owner: "healthy")
        #expect(try queue.recordDeath(ofWorld: "healthy", cause: "SIGBUS").poisoned == [lease.job.id])
    }

    @Test("A lease that expired makes its job suspect until a person retries it", arguments: QueueKind.allCases)
    func suspectUntilRetry(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try bench.submit(1)
        _ = try bench.leaseOne(for: .seconds(1))
        try bench.advance(by: .seconds(2))
        let lease = try bench.leaseOne()
        #expect(lease.isSuspect)
        try queue.fail(lease.handle, with: passingFailure, permanent: true, seconds: 0)
        #expect(try queue.retry(.all) == 1)
        let again = try bench.leaseOne()
        #expect(!again.isSuspect)
        #expect(again.attempt == 1)
    }
}
