import Foundation
import Queue
import Testing

/// What every queue does with what is put into it.
@Suite("Submitting jobs", .timeLimit(.minutes(15))) struct QueueSubmitTests {
    @Test("The same id with the same contents is the same job", arguments: QueueKind.allCases)
    func sameJob(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        let first = try queue.submit(makeJobs(3), otherContents: .refuse)
        let second = try queue.submit(makeJobs(5), otherContents: .refuse)
        #expect(first.added == 3)
        #expect(second.added == 2)
        #expect(second.known == 3)
        #expect(try queue.counts().ready == 5)
    }

    @Test("The same id with other contents is refused by name", arguments: QueueKind.allCases)
    func otherContents(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try _ = queue.submit(makeJobs(2), otherContents: .refuse)
        #expect {
            try queue.submit(makeJobs(3, prompt: "ocr"), otherContents: .refuse)
        } throws: { error in
            "\(error)".contains("job 'job-0'") && "\(error)".contains("its prompt is \"caption en\"")
        }
        #expect(try queue.counts().total == 2, "all of a submission or nothing")
    }

    @Test("A replaced job is queued again, and its old lease is stale", arguments: QueueKind.allCases)
    func replacedJob(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        try _ = queue.submit(makeJobs(2), otherContents: .refuse)
        let old = try bench.leaseOne()
        let second = try bench.leaseOne()
        try queue.finish(second.handle, with: sampleAnswer)

        let summary = try queue.submit(makeJobs(2, prompt: "ocr"), otherContents: .replace)
        #expect(summary.replaced == 2)
        #expect(try queue.counts().ready == 2)
        #expect(try queue.results(after: 0, limit: 10).isEmpty)
        #expect(throws: QueueError.staleLease(jobID: "job-0")) { try queue.finish(old.handle, with: sampleAnswer) }
        #expect(try bench.leaseOne().job.prompt == "ocr")
        try queue.verify()
    }

    @Test("A picture that changed makes other contents", arguments: QueueKind.allCases)
    func changedPicture(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        var jobs = makeJobs(1)
        jobs[0].images[0].size = 10
        try _ = queue.submit(jobs, otherContents: .refuse)
        jobs[0].images[0].size = 11
        #expect {
            try queue.submit(jobs, otherContents: .refuse)
        } throws: { "\($0)".contains("the picture /p/0.jpg has changed") }
    }

    @Test("A job that is not valid has a result until it is removed", arguments: QueueKind.allCases)
    func invalidJob(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        var jobs = makeJobs(2)
        jobs[1].fault = JobFailure(code: JobFailure.invalidJob, message: "jobs.jsonl line 2: no")
        try _ = queue.submit(jobs, otherContents: .refuse)
        #expect(try queue.counts().failed == 1)
        let results = try queue.results(after: 0, limit: 10)
        #expect(results.map(\.id) == ["job-1"])
        try queue.verify()
        try queue.forgetInvalidJobs()
        #expect(try queue.counts().total == 1)
        #expect(try queue.results(after: 0, limit: 10).isEmpty)
        try queue.verify()
    }

    @Test("Texts with any characters are read back as they were", arguments: QueueKind.allCases)
    func texts(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        let texts = ["", "ünïcode 🟥", "a\0b", "quote\" \\ \n\t", String(repeating: "long ", count: 20_000)]
        let jobs = texts.enumerated().map { number, text in
            Job(
                id: "\(number)" + text, images: [JobImage(name: text, path: "/" + text, size: .max, modified: .min)],
                prompt: text, maxTokens: 7, priority: -number, options: "{\"a\":1}")
        }
        try _ = queue.submit(jobs, otherContents: .refuse)
        #expect(try queue.lease(limit: 9, for: .seconds(9), owner: "test").map(\.job) == jobs)
    }
}
