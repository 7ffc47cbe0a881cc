import Base
import Foundation
import Queue
import TestSupport

/// A queue in a file, with jobs in every state.
final class QueueFixture {
    let folder: TemporaryFolder
    let queue: SQLiteQueue
    var path: String { folder.file("jobs.db") }

    /// What a page must show and never run.
    static let foreign =
        "<img src=x onerror=\"document.title='taken'\"> & \"quoted\" </td><script>document.title='taken'</script>"

    /// - Parameter adopting: Whether it belongs to a model that is not there.
    /// - Throws: Where the queue cannot be made.
    init(adopting: Bool = true) throws {
        folder = try TemporaryFolder()
        queue = try SQLiteQueue(path: folder.file("jobs.db"), create: true)
        if adopting { try queue.adopt(fingerprint: "f", modelName: "miniature") }
    }

    /// 1,290 jobs: 1,000 ready, 5 leased, 3 to be tried again, 270 answered, 8 failed of two causes, 4 canceled.
    ///
    /// - Throws: Where the queue cannot be written.
    func fill() throws {
        let jobs = (0..<1290).map { number in
            Job(
                id: "job-\(number)", images: [JobImage(name: "\(number).jpg", path: "/p/\(number).jpg")],
                prompt: number == 269 ? Self.foreign : "caption en")
        }
        _ = try queue.submit(jobs, otherContents: .refuse)
        let leases = try queue.lease(limit: 286, for: .seconds(600), owner: "world-1").sorted {
            $0.handle.sequence < $1.handle.sequence
        }
        for lease in leases[..<270] {
            let answer = Answer(text: "a red circle", tokens: [1], logprobs: [-0.5], finishReason: .stop, seconds: 0.5)
            try queue.finish(lease.handle, with: answer)
        }
        for (index, lease) in leases[270..<278].enumerated() {
            let failure =
                index < 6
                ? JobFailure(code: "not_a_picture", message: "\(index).jpg: this is not a picture but text")
                : JobFailure(code: "truncated", message: Self.foreign)
            try queue.fail(lease.handle, with: failure, permanent: true, seconds: 0)
        }
        for lease in leases[278..<281] {
            let failure = JobFailure(code: "fetch_timeout", message: "the server did not answer")
            try queue.fail(lease.handle, with: failure, permanent: false, seconds: 0)
        }
        _ = try queue.cancel(.ids((1286..<1290).map { "job-\($0)" }))
    }

    private var announcing: Task<Void, Never>?

    deinit { announcing?.cancel() }

    /// Two worlds, one with a name that means harm. They say that they are there until the fixture is gone.
    ///
    /// - Throws: Where the queue cannot be written.
    func announceWorlds() throws {
        let queue = queue
        let worlds = Self.worlds
        for world in worlds { try queue.announce(world) }
        announcing = Task.detached {
            while !Task.isCancelled {
                for world in worlds { try? queue.announce(world) }
                try? await Task.sleep(for: .seconds(5))
            }
        }
    }

    private static var worlds: [WorldRecord] {
        let now = Int(Date().timeIntervalSince1970)
        var first = WorldRecord(
            owner: "gpu-less-1:4711", host: "gpu-less-1", ranks: 4, visionRanks: 2, model: "miniature", adapters: [],
            maximumPositions: nil, started: now - 8000)
        (first.answered, first.failed, first.inFlight) = (1203, 8, 5)
        first.times = RankTimes(
            seconds: 60,
            ranks: [
                .init(vision: 52.2, prefill: nil, decode: nil), .init(vision: 49.8, prefill: nil, decode: nil),
                .init(vision: nil, prefill: 31.2, decode: 21), .init(vision: nil, prefill: 31.2, decode: 21),
            ])
        return [
            first,
            WorldRecord(
                owner: foreign, host: "b", ranks: 1, visionRanks: 1, model: "miniature", adapters: [],
                maximumPositions: nil, started: now - 4),
        ]
    }
}
