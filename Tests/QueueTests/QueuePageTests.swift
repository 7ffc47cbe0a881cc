import Queue
import Testing

/// What a page for people asks of any queue.
@Suite("A queue on a page", .timeLimit(.minutes(15))) struct QueuePageTests {
    @Test("The latest results come first, those of services are left out", arguments: QueueKind.allCases)
    func latest(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        #expect(try queue.latestResults(limit: 10).isEmpty)
        var jobs = makeJobs(6)
        jobs[4].service = "s1"
        _ = try queue.submit(jobs, otherContents: .refuse)
        let leases = try queue.lease(limit: 6, for: .seconds(60), owner: "test")
        for index in [2, 0, 4, 1] { try queue.finish(leases[index].handle, with: sampleAnswer) }
        try queue.fail(leases[3].handle, with: passingFailure, permanent: true, seconds: 0)
        #expect(try queue.latestResults(limit: 10).map(\.id) == ["job-3", "job-1", "job-0", "job-2"])
        let latest = try queue.latestResults(limit: 2)
        #expect(latest.map(\.id) == ["job-3", "job-1"])
        #expect(latest[1].outcome == .answered(sampleAnswer))
        #expect(latest[1] == (try queue.results(ofJobs: ["job-1"]).first))
    }

    @Test("A picture of a job comes with its bytes where the queue has them", arguments: QueueKind.allCases)
    func image(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        let images = [
            JobImage(name: "a.jpg", path: "/p/a.jpg", size: 5, modified: 7),
            JobImage(name: "b.jpg", path: "b.jpg", bytes: [0, 255, 10]),
            JobImage(name: "c.jpg", path: "c.jpg", bytes: []),
        ]
        _ = try queue.submit([Job(id: "é/1", images: images, prompt: "ocr")], otherContents: .refuse)
        for (position, image) in images.enumerated() {
            #expect(try queue.image(position, ofJob: "é/1") == image)
        }
        #expect(try queue.image(3, ofJob: "é/1") == nil)
        #expect(try queue.image(-1, ofJob: "é/1") == nil)
        #expect(try queue.image(0, ofJob: "e\u{301}/1") == nil)
        // A job that is finished still has them.
        let lease = try #require(try queue.lease(limit: 1, for: .seconds(60), owner: "test").first)
        try queue.finish(lease.handle, with: sampleAnswer)
        #expect(try queue.image(1, ofJob: "é/1")?.bytes == [0, 255, 10])
    }

    @Test("Jobs that wait for another attempt are counted by what failed", arguments: QueueKind.allCases)
    func retryGroups(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        #expect(try queue.retryGroups().isEmpty)
        _ = try queue.submit(makeJobs(5), otherContents: .refuse)
        let leases = try queue.lease(limit: 5, for: .seconds(60), owner: "test")
        for (index, code) in ["b", "a", "a", "c"].enumerated() {
            let failure = JobFailure(code: code, message: "\(index)")
            try queue.fail(leases[index].handle, with: failure, permanent: code == "c", seconds: 0)
        }
        #expect(
            try queue.retryGroups() == [
                FailureGroup(code: "a", jobs: 2, example: "2"), FailureGroup(code: "b", jobs: 1, example: "0"),
            ])
        #expect(try queue.cancel(.code("a")) == 2)
        #expect(try queue.retryGroups().map(\.code) == ["b"])
    }

    @Test("What a world says of the time of its ranks comes back", arguments: QueueKind.allCases)
    func times(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        var record = WorldRecord(
            owner: "w", host: "h", ranks: 2, visionRanks: 1, model: "m", adapters: ["x"], maximumPositions: nil,
            started: 100)
        try bench.queue.announce(record)
        #expect(try bench.queue.worlds().map(\.record) == [record])
        record.times = RankTimes(
            seconds: 10.125,
            ranks: [.init(vision: 9.5, prefill: nil, decode: nil), .init(vision: nil, prefill: 2, decode: 0.125)])
        try bench.queue.announce(record)
        #expect(try bench.queue.worlds().map(\.record) == [record])
        #expect(record.times?.ranks.map { $0.idle(of: 10.125) } == [0.625, 8])
    }
}
