import Queue
import Testing

/// What people ask of any queue.
@Suite("Operating a queue", .timeLimit(.minutes(15))) struct QueueOperatorTests {
    /// Ten jobs: 0 to 3 failed with a code each of two, 4 answered, 5 and 6 leased, the others ready.
    private func makeMixture(_ bench: QueueBench) throws -> [Lease] {
        try bench.submit(10)
        let leases = try bench.queue.lease(limit: 7, for: .seconds(60), owner: "test")
        for (index, code) in ["missing", "missing", "missing", "corrupt"].enumerated() {
            let failure = JobFailure(code: code, message: "\(index).jpg: \(code)")
            try bench.queue.fail(leases[index].handle, with: failure, permanent: true, seconds: 0)
        }
        try bench.queue.finish(leases[4].handle, with: sampleAnswer)
        return leases
    }

    @Test("Failures are grouped by code and listed", arguments: QueueKind.allCases)
    func failureGroups(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        _ = try makeMixture(bench)
        let groups = try bench.queue.failureGroups()
        #expect(groups.map(\.code) == ["missing", "corrupt"])
        #expect(groups.map(\.jobs) == [3, 1])
        #expect(groups[1].example == "3.jpg: corrupt")
        let listed = try bench.queue.failedJobs(code: "missing", afterSequence: 0, limit: 2)
        #expect(listed.map(\.id) == ["job-0", "job-1"])
        let rest = try bench.queue.failedJobs(code: "missing", afterSequence: listed[1].sequence, limit: 2)
        #expect(rest.map(\.id) == ["job-2"])
        #expect(try bench.queue.failedJobs(code: nil, afterSequence: 0, limit: 9).count == 4)
    }

    @Test("Failed jobs are retried by id, by code or all", arguments: QueueKind.allCases)
    func retry(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        _ = try makeMixture(bench)
        #expect(try queue.retry(.ids(["job-1", "job-4", "job-9", "nobody"])) == 1)
        #expect(try queue.retry(.code("corrupt")) == 1)
        #expect(try queue.counts().failed == 2)
        #expect(try queue.results(after: 0, limit: 99).map(\.id) == ["job-0", "job-2", "job-4"])
        #expect(try queue.retry(.all) == 2)
        #expect(try queue.counts().ready == 7)
        #expect(try queue.counts().failed == 0)
        #expect(try queue.audit(after: 0, limit: 99).count == 5, "the audit is only added to")
        try queue.verify()
    }

    @Test("Canceled jobs have a result, and their late answers are refused", arguments: QueueKind.allCases)
    func cancel(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        let leases = try makeMixture(bench)
        #expect(try queue.cancel(.ids(["job-5", "job-7", "job-4"])) == 2)
        #expect(throws: QueueError.staleLease(jobID: "job-5")) {
            try queue.finish(leases[5].handle, with: sampleAnswer)
        }
        #expect(try queue.renew([leases[5].handle], for: .seconds(9)) == [leases[5].handle])
        try queue.fail(leases[6].handle, with: passingFailure, permanent: false, seconds: 0)
        #expect(try queue.cancel(.code(passingFailure.code)) == 1)
        #expect(try queue.cancel(.all) == 2)
        let counts = try queue.counts()
        #expect(counts.cancelled == 5 && counts.outstanding == 0 && counts.done == 1)
        #expect(try queue.results(after: 0, limit: 99).count == 10)
        #expect(try queue.retry(.all) == 4, "canceled jobs come back only where they are named")
        #expect(try queue.retry(.code(JobFailure.cancelled)) == 5)
        try queue.verify()
    }

    @Test("Old finished jobs are purged, and the audit stays", arguments: QueueKind.allCases)
    func purge(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        let leases = try makeMixture(bench)
        try bench.advance(by: .seconds(50))
        try queue.finish(leases[5].handle, with: sampleAnswer)
        #expect(try queue.purge(olderThan: .seconds(49)) == 5)
        #expect(try queue.results(after: 0, limit: 99).map(\.id) == ["job-5"])
        #expect(try queue.counts().total == 5)
        #expect(try queue.audit(after: 0, limit: 99).count == 6)
        try queue.compact()
        try queue.verify()
        #expect(try queue.submit(makeJobs(10), otherContents: .refuse).added == 5)
    }

    @Test("A submission past its bound is refused and adds nothing", arguments: QueueKind.allCases)
    func fullQueue(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        #expect(try queue.submit(makeJobs(6), otherContents: .refuse, maxReady: 6).added == 6)
        #expect(throws: QueueError.full(queue: queue.name, ready: 6, adding: 2, bound: 7)) {
            try queue.submit(makeJobs(8), otherContents: .refuse, maxReady: 7)
        }
        #expect(try queue.counts().total == 6)
        #expect(try queue.submit(makeJobs(6), otherContents: .refuse, maxReady: 1).known == 6)
        _ = try queue.lease(limit: 2, for: .seconds(60), owner: "test")
        #expect(try queue.submit(makeJobs(8), otherContents: .refuse, maxReady: 6).added == 2)
        try queue.verify()
    }

    @Test("Pictures stored in the queue are read back byte for byte", arguments: QueueKind.allCases)
    func embeddedPictures(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var jobs = makeJobs(2)
        jobs[0].images = [
            JobImage(name: "a", path: "/a", bytes: bytes), JobImage(name: "b", path: "/b"),
            JobImage(name: "c", path: "/c", bytes: []),
        ]
        _ = try queue.submit(jobs, otherContents: .refuse)
        let leases = try queue.lease(limit: 2, for: .seconds(60), owner: "test")
        #expect(leases.map(\.job) == jobs)
        jobs[0].prompt = "ocr"
        jobs[0].images[0].bytes = [1, 2, 3]
        #expect(try queue.submit([jobs[0]], otherContents: .replace).replaced == 1)
        #expect(try bench.leaseOne(owner: "other").job == jobs[0])
    }

    @Test("The rate is that of the last minute", arguments: QueueKind.allCases)
    func rate(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        #expect(try bench.queue.recentRate() == 0)
        try bench.submit(30)
        for lease in try bench.queue.lease(limit: 30, for: .seconds(60), owner: "test") {
            try bench.queue.finish(lease.handle, with: sampleAnswer)
        }
        #expect(try bench.queue.recentRate() == 0.5)
        try bench.advance(by: .seconds(61))
        #expect(try bench.queue.recentRate() == 0)
    }
}
