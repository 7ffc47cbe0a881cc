import Foundation
import Queue
import Testing

/// What every queue promises about leases and failures.
@Suite("Leases", .timeLimit(.minutes(15))) struct QueueLeaseTests {
    @Test("Jobs are leased by priority, then in the order of submission", arguments: QueueKind.allCases)
    func priority(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        var jobs = makeJobs(4)
        jobs[2].priority = 5
        try _ = queue.submit(jobs, otherContents: .refuse)
        let leases = try queue.lease(limit: 3, for: .seconds(60), owner: "test")
        #expect(leases.map(\.job.id) == ["job-2", "job-0", "job-1"])
        #expect(leases.map(\.attempt) == [1, 1, 1])
        #expect(leases[0].handle.token < leases[1].handle.token)
    }

    @Test("Jobs about one picture are leased together after the first of them", arguments: QueueKind.allCases)
    func samePicture(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        var jobs = (0..<12).map { number in
            let picture = JobImage(name: "\(number % 3).jpg", path: "/p/\(number % 3).jpg", size: 9, modified: 7)
            return Job(id: "\(number % 3)-\(number)", images: [picture], prompt: "\(number)")
        }
        jobs[11].priority = 1
        // Another number of frames, another file of the same name: another picture.
        jobs[3].images[0].frames = 4
        jobs[6].images[0].size = 8
        try _ = queue.submit(jobs, otherContents: .refuse)
        func lease(_ limit: Int, _ owner: String) throws -> [String] {
            try queue.lease(limit: limit, for: .seconds(60), owner: owner).map(\.job.id)
        }
        #expect(try lease(3, "first") == ["2-11", "0-0", "0-9"])
        #expect(try lease(3, "second") == ["1-1", "1-4", "1-7"])
        #expect(try lease(9, "third") == ["2-2", "2-5", "2-8", "0-3", "0-6", "1-10"])
        #expect(try lease(9, "fourth") == [])
        try queue.verify()
    }

    @Test("A lease that expired goes to another world and refuses its late result", arguments: QueueKind.allCases)
    func expiredLease(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try _ = queue.submit(makeJobs(1), otherContents: .refuse)
        let late = try bench.leaseOne(for: .seconds(10))
        #expect(try queue.lease(limit: 1, for: .seconds(10), owner: "other").isEmpty)
        #expect(try queue.timeToNextReady() == .seconds(10))
        try bench.advance(by: .seconds(10))
        let second = try bench.leaseOne()
        #expect(second.attempt == 2)
        #expect(second.handle.token > late.handle.token)
        #expect(throws: QueueError.staleLease(jobID: "job-0")) { try queue.finish(late.handle, with: sampleAnswer) }
        #expect(throws: QueueError.staleLease(jobID: "job-0")) {
            try queue.fail(late.handle, with: passingFailure, permanent: true, seconds: 0)
        }
        try queue.finish(second.handle, with: sampleAnswer)
        #expect(throws: QueueError.self) { try queue.finish(second.handle, with: sampleAnswer) }
        #expect(try queue.counts().done == 1)
        try queue.verify()
    }

    @Test("A renewed lease holds, and a lost one is reported", arguments: QueueKind.allCases)
    func renewal(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try _ = queue.submit(makeJobs(2), otherContents: .refuse)
        let leases = try queue.lease(limit: 2, for: .seconds(10), owner: "test")
        try bench.advance(by: .seconds(9))
        #expect(try queue.renew([leases[0].handle], for: .seconds(10)).isEmpty)
        try bench.advance(by: .seconds(9))
        #expect(try bench.leaseOne(owner: "other").job.id == "job-1")
        #expect(try queue.renew(leases.map(\.handle), for: .seconds(10)) == [leases[1].handle])
    }

    @Test("A released lease counts no attempt", arguments: QueueKind.allCases)
    func releasedLease(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try _ = queue.submit(makeJobs(1), otherContents: .refuse)
        for _ in 0..<10 {
            let lease = try bench.leaseOne()
            #expect(lease.attempt == 1)
            try queue.release([lease.handle])
        }
        #expect(try queue.counts().ready == 1)
    }

    @Test("All leases are reclaimed, with or without counting the attempt", arguments: QueueKind.allCases)
    func reclaimAll(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try _ = queue.submit(makeJobs(3), otherContents: .refuse)
        for counting in [false, true] {
            let leases = try queue.lease(limit: 3, for: .seconds(60), owner: "test")
            #expect(leases.map(\.attempt) == [1, 1, 1])
            try queue.reclaimAll(countingAttempts: counting)
            #expect(try queue.counts().ready == 3)
            #expect(throws: QueueError.staleLease(jobID: "job-0")) {
                try queue.finish(leases[0].handle, with: sampleAnswer)
            }
        }
        #expect(try bench.leaseOne().attempt == 2)
        try queue.verify()
    }

    @Test("A job whose lease expired five times fails", arguments: QueueKind.allCases)
    func fiveExpiries(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try _ = queue.submit(makeJobs(1), otherContents: .refuse)
        for attempt in 1...5 {
            #expect(try bench.leaseOne(for: .seconds(1)).attempt == attempt)
            try bench.advance(by: .seconds(1))
        }
        #expect(try queue.lease(limit: 1, for: .seconds(1), owner: "test").isEmpty)
        let result = try #require(try queue.results(after: 0, limit: 1).first)
        guard case .failed(let failure, _) = result.outcome else {
            Issue.record("expected a failure")
            return
        }
        #expect(failure.code == "lease_expired")
        try queue.verify()
    }

    // MARK: Failures

    @Test(
        "A job with a temporary error is tried again after growing pauses and fails at the fifth",
        arguments: QueueKind.allCases)
    func temporaryError(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try _ = queue.submit(makeJobs(1), otherContents: .refuse)
        for attempt in 1...5 {
            let lease = try bench.leaseOne()
            #expect(lease.attempt == attempt)
            let state = try queue.fail(lease.handle, with: passingFailure, permanent: false, seconds: 0.5)
            guard attempt < 5 else {
                #expect(state == .failed)
                break
            }
            #expect(state == .retry)
            #expect(try queue.lease(limit: 1, for: .seconds(1), owner: "test").isEmpty)
            let pause = try #require(try queue.timeToNextReady())
            let middle = Double(1 << (attempt - 1))
            #expect(pause >= .seconds(middle * 0.5) && pause <= .seconds(middle * 1.5))
            try bench.advance(by: pause)
        }
        let result = try #require(try queue.results(after: 0, limit: 1).first)
        #expect(result.outcome == .failed(passingFailure, seconds: 0.5))
        try queue.verify()
    }

    @Test("A job with a permanent error fails at once", arguments: QueueKind.allCases)
    func permanentError(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try _ = queue.submit(makeJobs(1), otherContents: .refuse)
        let state = try queue.fail(bench.leaseOne().handle, with: passingFailure, permanent: true, seconds: 0)
        #expect(state == .failed)
        #expect(try queue.counts().failed == 1)
    }
}
