import Coordinator
import Foundation
import Testing

@Suite(.timeLimit(.minutes(2))) struct SQLiteQueueTests {
    let folder: TemporaryFolder
    let clock = TestClock()
    let queue: SQLiteQueue

    init() throws {
        folder = try TemporaryFolder()
        queue = try SQLiteQueue(path: folder.file("jobs.db"), create: true, clock: clock)
    }

    private func leaseOne(for duration: Duration = .seconds(60)) throws -> Lease {
        try #require(try queue.lease(limit: 1, for: duration, owner: "test").first)
    }

    // MARK: Submitting

    @Test func theSameIDWithTheSameContentsIsTheSameJob() throws {
        let first = try queue.submit(makeJobs(3), otherContents: .refuse)
        let second = try queue.submit(makeJobs(5), otherContents: .refuse)
        #expect(first.added == 3)
        #expect(second.added == 2)
        #expect(second.known == 3)
        #expect(try queue.counts().ready == 5)
    }

    @Test func theSameIDWithOtherContentsIsAnErrorThatNamesIt() throws {
        try _ = queue.submit(makeJobs(2), otherContents: .refuse)
        #expect {
            try queue.submit(makeJobs(3, prompt: "ocr"), otherContents: .refuse)
        } throws: { error in
            "\(error)".contains("job 'job-0'") && "\(error)".contains("its prompt is \"caption en\"")
        }
        #expect(try queue.counts().total == 2, "all of a submission or nothing")
    }

    @Test func aReplacedJobIsQueuedAnewAndItsOldLeaseIsStale() throws {
        try _ = queue.submit(makeJobs(2), otherContents: .refuse)
        let old = try leaseOne()
        let second = try leaseOne()
        try queue.finish(second.ticket, with: sampleAnswer)

        let summary = try queue.submit(makeJobs(2, prompt: "ocr"), otherContents: .replace)
        #expect(summary.replaced == 2)
        #expect(try queue.counts().ready == 2)
        #expect(try queue.results(after: 0, limit: 10).isEmpty)
        #expect(throws: QueueError.staleLease(jobID: "job-0")) { try queue.finish(old.ticket, with: sampleAnswer) }
        #expect(try leaseOne().job.prompt == "ocr")
        try queue.verify()
    }

    @Test func aPictureThatChangedIsOtherContents() throws {
        var jobs = makeJobs(1)
        jobs[0].images[0].size = 10
        try _ = queue.submit(jobs, otherContents: .refuse)
        jobs[0].images[0].size = 11
        #expect {
            try queue.submit(jobs, otherContents: .refuse)
        } throws: { "\($0)".contains("the picture /p/0.jpg has changed") }
    }

    @Test func aJobWithAFaultIsALineOfTheResultsUntilItIsForgotten() throws {
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

    @Test func textsOfAnyKindComeBackAsTheyWere() throws {
        let texts = ["", "ünïcode 🟥", "a\0b", "quote\" \\ \n\t", String(repeating: "long ", count: 20_000)]
        let jobs = texts.enumerated().map { number, text in
            Job(
                id: "\(number)" + text, images: [JobImage(name: text, path: "/" + text, size: .max, modified: .min)],
                prompt: text, maxTokens: 7, priority: -number, options: "{\"a\":1}")
        }
        try _ = queue.submit(jobs, otherContents: .refuse)
        #expect(try queue.lease(limit: 9, for: .seconds(9), owner: "test").map(\.job) == jobs)
    }

    // MARK: Leases

    @Test func theMostUrgentGoFirstThenTheOrderOfSubmission() throws {
        var jobs = makeJobs(4)
        jobs[2].priority = 5
        try _ = queue.submit(jobs, otherContents: .refuse)
        let leases = try queue.lease(limit: 3, for: .seconds(60), owner: "test")
        #expect(leases.map(\.job.id) == ["job-2", "job-0", "job-1"])
        #expect(leases.map(\.attempt) == [1, 1, 1])
        #expect(leases[0].ticket.token < leases[1].ticket.token)
    }

    @Test func aLeaseThatRanOutGoesToAnotherAndItsLateFinishIsRefused() throws {
        try _ = queue.submit(makeJobs(1), otherContents: .refuse)
        let late = try leaseOne(for: .seconds(10))
        #expect(try queue.lease(limit: 1, for: .seconds(10), owner: "other").isEmpty)
        #expect(try queue.timeToNextReady() == .seconds(10))
        clock.advance(by: .seconds(10))
        let second = try leaseOne()
        #expect(second.attempt == 2)
        #expect(second.ticket.token > late.ticket.token)
        #expect(throws: QueueError.staleLease(jobID: "job-0")) { try queue.finish(late.ticket, with: sampleAnswer) }
        #expect(throws: QueueError.staleLease(jobID: "job-0")) {
            try queue.fail(late.ticket, with: passingFailure, permanent: true, seconds: 0)
        }
        try queue.finish(second.ticket, with: sampleAnswer)
        #expect(throws: QueueError.self) { try queue.finish(second.ticket, with: sampleAnswer) }
        #expect(try queue.counts().done == 1)
        try queue.verify()
    }

    @Test func aRenewedLeaseLivesOnAndALostOneIsNamed() throws {
        try _ = queue.submit(makeJobs(2), otherContents: .refuse)
        let leases = try queue.lease(limit: 2, for: .seconds(10), owner: "test")
        clock.advance(by: .seconds(9))
        #expect(try queue.renew([leases[0].ticket], for: .seconds(10)).isEmpty)
        clock.advance(by: .seconds(9))
        #expect(try leaseOne().job.id == "job-1")
        #expect(try queue.renew(leases.map(\.ticket), for: .seconds(10)) == [leases[1].ticket])
    }

    @Test func aReturnedLeaseCountsNoAttempt() throws {
        try _ = queue.submit(makeJobs(1), otherContents: .refuse)
        for _ in 0..<10 {
            let lease = try leaseOne()
            #expect(lease.attempt == 1)
            try queue.release([lease.ticket])
        }
        #expect(try queue.counts().ready == 1)
    }

    @Test func leasesAndPausesOfAnotherBootAreOver() throws {
        try _ = queue.submit(makeJobs(2), otherContents: .refuse)
        _ = try leaseOne(for: .seconds(1_000_000))
        let second = try leaseOne()
        try queue.fail(second.ticket, with: passingFailure, permanent: false, seconds: 0)
        for bootID in ["boot-0", "boot-2"] {
            let later = try SQLiteQueue(path: queue.name, clock: TestClock(bootID: bootID))
            #expect(try later.timeToNextReady() == .zero)
            let leases = try later.lease(limit: 9, for: .seconds(1_000_000), owner: "later")
            #expect(leases.count == 2)
        }
    }

    @Test func allLeasesCanBeTakenBackWithOrWithoutTheirAttempt() throws {
        try _ = queue.submit(makeJobs(3), otherContents: .refuse)
        for counting in [false, true] {
            let leases = try queue.lease(limit: 3, for: .seconds(60), owner: "test")
            #expect(leases.map(\.attempt) == [1, 1, 1])
            try queue.takeBackAll(countingAttempts: counting)
            #expect(try queue.counts().ready == 3)
            #expect(throws: QueueError.staleLease(jobID: "job-0")) {
                try queue.finish(leases[0].ticket, with: sampleAnswer)
            }
        }
        #expect(try leaseOne().attempt == 2)
        try queue.verify()
    }

    @Test func aWorldThatDiesFiveTimesWithAJobFailsIt() throws {
        try _ = queue.submit(makeJobs(1), otherContents: .refuse)
        for attempt in 1...5 {
            #expect(try leaseOne(for: .seconds(1)).attempt == attempt)
            clock.advance(by: .seconds(1))
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

    @Test func aPassingFaultComesAgainAfterAGrowingPauseAndEndsWithTheFifth() throws {
        try _ = queue.submit(makeJobs(1), otherContents: .refuse)
        for attempt in 1...5 {
            let lease = try leaseOne()
            #expect(lease.attempt == attempt)
            let state = try queue.fail(lease.ticket, with: passingFailure, permanent: false, seconds: 0.5)
            guard attempt < 5 else {
                #expect(state == .failed)
                break
            }
            #expect(state == .retry)
            #expect(try queue.lease(limit: 1, for: .seconds(1), owner: "test").isEmpty)
            let pause = try #require(try queue.timeToNextReady())
            let middle = Double(1 << (attempt - 1))
            #expect(pause >= .seconds(middle * 0.5) && pause <= .seconds(middle * 1.5))
            clock.advance(by: pause)
        }
        let result = try #require(try queue.results(after: 0, limit: 1).first)
        #expect(result.outcome == .failed(passingFailure, seconds: 0.5))
        try queue.verify()
    }

    @Test func aPermanentFaultEndsAtOnce() throws {
        try _ = queue.submit(makeJobs(1), otherContents: .refuse)
        let state = try queue.fail(leaseOne().ticket, with: passingFailure, permanent: true, seconds: 0)
        #expect(state == .failed)
        #expect(try queue.counts().failed == 1)
    }

    // MARK: Results

    @Test func resultsComeInTheOrderOfCompletionOrOfSubmission() throws {
        try queue.adopt(fingerprint: "f", modelName: "miniature")
        try _ = queue.submit(makeJobs(5), otherContents: .refuse)
        let leases = try queue.lease(limit: 5, for: .seconds(60), owner: "test")
        for index in [3, 0, 4, 1] { try queue.finish(leases[index].ticket, with: sampleAnswer) }
        try queue.fail(leases[2].ticket, with: passingFailure, permanent: true, seconds: 0)

        let completed = try queue.results(after: 0, limit: 3)
        #expect(completed.map(\.id) == ["job-3", "job-0", "job-4"])
        let rest = try queue.results(after: try #require(completed.last).number, limit: 10)
        #expect(rest.map(\.id) == ["job-1", "job-2"])
        #expect(try queue.sortedResults(afterSequence: 0, limit: 10).map(\.id) == (0..<5).map { "job-\($0)" })
        #expect(completed[0].outcome == .answered(sampleAnswer))
        #expect(completed[0].model == "miniature")
        #expect(completed[0].images == ["3.jpg"])
    }

    @Test func aQueueBelongsToOneModel() throws {
        try queue.adopt(fingerprint: "aaa", modelName: "one")
        try queue.adopt(fingerprint: "aaa", modelName: "one")
        #expect {
            try queue.adopt(fingerprint: "bbb", modelName: "two")
        } throws: { "\($0)".contains("belongs to the model one (aaa), not to two (bbb)") }
    }

    @Test func nothingThatAWorldDoesWalksThroughAllJobs() throws {
        try _ = queue.submit(makeJobs(5000), otherContents: .refuse)
        for _ in 0..<10 {
            let leases = try queue.lease(limit: 4, for: .seconds(1), owner: "test")
            try queue.finish(leases[0].ticket, with: sampleAnswer)
            try queue.fail(leases[1].ticket, with: passingFailure, permanent: false, seconds: 0)
            try queue.release([leases[2].ticket])
            _ = try queue.renew([leases[3].ticket], for: .seconds(1))
            _ = try queue.counts()
            _ = try queue.timeToNextReady()
            _ = try queue.results(after: 0, limit: 10)
            _ = try queue.sortedResults(afterSequence: 0, limit: 10)
            clock.advance(by: .seconds(2))
        }
        #expect(try queue.fullScanSteps() < 500)
        #expect(try queue.counts().done == 10)
    }

    @Test func aHundredThousandJobsAreSubmittedAndCounted() throws {
        let summary = try queue.submit(makeJobs(100_000), otherContents: .refuse)
        #expect(summary.added == 100_000)
        #expect(try queue.counts().ready == 100_000)
        #expect(try queue.lease(limit: 10, for: .seconds(60), owner: "test").count == 10)
        try queue.verify()
    }
}
