import Foundation
import Queue

/// Fills a queue and times what worlds and people ask of it while it is full.
struct OperationBenchmark {
    let queue: any JobQueue
    let jobs: Int

    private static let rounds = 300
    private static let batch = 4096

    init(queue name: String, jobs: Int) throws {
        queue = try openQueue(name, create: true)
        self.jobs = jobs
    }

    func line() throws -> String {
        let start = ContinuousClock.now
        for first in stride(from: 0, to: jobs, by: Self.batch) {
            _ = try queue.submit(Self.jobs(first..<min(first + Self.batch, jobs)), otherContents: .refuse)
        }
        let submitting = start.duration(to: .now).inSeconds
        let (claim, claim16, renew, finish) = (Times(), Times(), Times(), Times())
        let (fail, release, status, rate, death) = (Times(), Times(), Times(), Times(), Times())
        let failure = JobFailure(code: "measured", message: "not a real failure")
        for round in 0..<Self.rounds {
            let one = try claim.measure { try queue.lease(limit: 1, for: .seconds(600), owner: "one") }
            let many = try claim16.measure { try queue.lease(limit: 16, for: .seconds(600), owner: "many") }
            let handles = many.map(\.handle)
            _ = try renew.measure { try queue.renew(handles, for: .seconds(600)) }
            for lease in one + many.prefix(4) {
                try finish.measure { try queue.finish(lease.handle, with: Self.answer) }
            }
            if let handle = handles.dropFirst(4).first {
                _ = try fail.measure { try queue.fail(handle, with: failure, permanent: round % 2 == 0, seconds: 0) }
            }
            try release.measure { try queue.release(Array(handles.dropFirst(5))) }
            _ = try status.measure { try queue.counts() }
            _ = try rate.measure { try queue.recentRate() }
            if round % 10 == 0 {
                let lost = try queue.lease(limit: 2, for: .seconds(600), owner: "lost")
                _ = try death.measure { try queue.recordDeath(ofWorld: "lost", cause: "SIGKILL") }
                for _ in lost {
                    let suspect = try queue.lease(limit: 1, for: .seconds(600), owner: "last")
                    for lease in suspect { try queue.finish(lease.handle, with: Self.answer) }
                }
            }
        }
        let operations = [
            ("claim", claim), ("claim 16", claim16), ("renew 16", renew), ("finish", finish), ("fail", fail),
            ("release 11", release), ("status", status), ("rate", rate), ("death", death),
        ]
        let parts = operations.map { name, times in "\"\(name)\":\(times.json)" }
        return #"{"jobs":\#(jobs),"submit_seconds":\#(String(format: "%.2f", submitting)),"#
            + #""milliseconds":{\#(parts.joined(separator: ","))}}"#
    }

    static func jobs(_ range: Range<Int>) -> [Job] {
        range.map { number in
            let path = "/pictures/of/a/large/collection/\(number / 1000)/\(number).jpg"
            return Job(
                id: path,
                images: [JobImage(name: path, path: path, size: 400_000, modified: 1_700_000_000_000_000_000)],
                prompt: "caption en")
        }
    }

    /// Of the usual length: twenty tokens.
    static let answer = Answer(
        text: String(repeating: "a red circle ", count: 8), tokens: Array(repeating: 7, count: 20),
        logprobs: Array(repeating: -0.25, count: 20), finishReason: .stop, seconds: 1)
}
