import Foundation
import Testing

/// What every queue gives back.
@Suite("Results of a queue", .timeLimit(.minutes(15))) struct QueueResultTests {
    @Test("Results are read in the order of completion or of submission", arguments: QueueKind.allCases)
    func order(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try queue.adopt(fingerprint: "f", modelName: "miniature")
        try _ = queue.submit(makeJobs(5), otherContents: .refuse)
        let leases = try queue.lease(limit: 5, for: .seconds(60), owner: "test")
        for index in [3, 0, 4, 1] { try queue.finish(leases[index].handle, with: sampleAnswer) }
        try queue.fail(leases[2].handle, with: passingFailure, permanent: true, seconds: 0)

        let completed = try queue.results(after: 0, limit: 3)
        #expect(completed.map(\.id) == ["job-3", "job-0", "job-4"])
        let rest = try queue.results(after: try #require(completed.last).number, limit: 10)
        #expect(rest.map(\.id) == ["job-1", "job-2"])
        #expect(try queue.sortedResults(afterSequence: 0, limit: 10).map(\.id) == (0..<5).map { "job-\($0)" })
        #expect(completed[0].outcome == .answered(sampleAnswer))
        #expect(completed[0].model == "miniature")
        #expect(completed[0].images == ["3.jpg"])
    }

    @Test("A queue refuses a second model", arguments: QueueKind.allCases)
    func secondModel(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try queue.adopt(fingerprint: "aaa", modelName: "one")
        try queue.adopt(fingerprint: "aaa", modelName: "one")
        #expect {
            try queue.adopt(fingerprint: "bbb", modelName: "two")
        } throws: { "\($0)".contains("belongs to the model one (aaa), not to two (bbb)") }
    }

    @Test("A hundred thousand jobs are submitted and counted", arguments: QueueKind.allCases)
    func hundredThousandJobs(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        let summary = try queue.submit(makeJobs(100_000), otherContents: .refuse)
        #expect(summary.added == 100_000)
        #expect(try queue.counts().ready == 100_000)
        #expect(try queue.lease(limit: 10, for: .seconds(60), owner: "test").count == 10)
        try queue.verify()
    }
}
