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

    @Test(
        "Ids that differ only by Unicode normalization are two jobs, each with its own pictures and answer",
        arguments: QueueKind.allCases)
    func normalization(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        func job(_ id: String, _ byte: UInt8, prompt: String = "caption en") -> Job {
            Job(id: id, images: [JobImage(name: "x.png", path: "/x.png", bytes: [byte])], prompt: prompt)
        }
        #expect(try queue.submit([job(composed, 1)], otherContents: .refuse).added == 1)
        #expect(try queue.submit([job(composed, 1), job(decomposed, 2)], otherContents: .refuse).added == 1)
        let (two, three) = (job(composed + "#2", 3), job(decomposed + "#2", 4))
        #expect(try queue.submit([two, three], otherContents: .refuse).added == 2)
        let leases = try queue.lease(limit: 9, for: .seconds(60), owner: "test")
        #expect(leases.map { Array($0.job.id.utf8) }.count == 4)
        let bytes = leases.map { ($0.job.id, $0.job.images[0].bytes) }
        for (id, byte) in [(composed, 1), (decomposed, 2), (two.id, 3), (three.id, 4)] as [(String, UInt8)] {
            #expect(bytes.first { $0.0.utf8.elementsEqual(id.utf8) }?.1 == [byte])
        }
        // A prompt that differs in nothing else is another prompt.
        #expect(throws: QueueError.self) {
            try queue.submit([job("p", 1, prompt: composed), job("p", 1, prompt: decomposed)], otherContents: .refuse)
        }
        #expect(try queue.cancel(.ids([decomposed])) == 1)
        let ended = try queue.results(after: 0, limit: 9)
        #expect(ended.count == 1 && ended[0].id.utf8.elementsEqual(decomposed.utf8))
    }

    @Test(
        "A person's own columns come back with the result, and other columns are other contents",
        arguments: QueueKind.allCases)
    func carriedColumns(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        var jobs = makeJobs(2)
        jobs[0].carried = #"{"url":"http://x/\u0000","n":[1,null]}"#
        _ = try bench.queue.submit(jobs, otherContents: .refuse)
        #expect(try bench.queue.submit(jobs, otherContents: .refuse).known == 2)
        for _ in 0..<2 { try bench.queue.finish(bench.leaseOne().handle, with: sampleAnswer) }
        let results = try bench.queue.sortedResults(afterSequence: 0, limit: 9)
        #expect(results.map(\.carried) == [jobs[0].carried, nil])
        #expect(
            String(decoding: results[0].line(), as: UTF8.self).contains(
                #","columns":{"url":"http://x/\u0000","n":[1,null]},"error""#))
        jobs[0].carried = "{}"
        #expect { try bench.queue.submit(jobs, otherContents: .refuse) } throws: {
            "\($0)".contains("columns to carry")
        }
        #expect(try bench.queue.submit(jobs, otherContents: .replace).replaced == 1)
    }

    @Test(
        "Places inside shards, frames and hashes of pictures are read back as they were", arguments: QueueKind.allCases)
    func pictureParts(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        var job = makeJobs(1)[0]
        job.images = [
            JobImage(name: "a.tar#x.jpg", path: "/s/a.tar", size: 9, part: .range(offset: 512, count: 77)),
            JobImage(
                name: "b.parquet#3", path: "/s/b.parquet", size: 9, modified: -1,
                part: .cell(column: "image.bytes", row: 3)),
            JobImage(name: "x.mp4", path: "/x.mp4", contentHash: "0123", frames: 16),
        ]
        _ = try bench.queue.submit([job], otherContents: .refuse)
        #expect(try bench.leaseOne().job.images == job.images)
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
