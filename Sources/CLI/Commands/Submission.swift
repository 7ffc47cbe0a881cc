import Base
import Foundation
import JobPictures
import JobSources
import Queue
import ResultSinks
import WorkerInterface

/// What a submission came to.
struct Submission {
    var summary = SubmitSummary()
    /// Jobs that make no sense; each is a failed job in the queue.
    var faults = 0
    /// Bytes of the pictures.
    var bytes: Int64 = 0
    var pictures = 0
    /// Jobs that were passed over because their answer is there.
    var skipped = 0
    /// Why the queue took no more, where it did not take all.
    var refusal: QueueError?

    /// How jobs enter a queue.
    struct Manner {
        var otherContents = OtherContents.refuse
        /// The pictures travel in the queue.
        var embed = false
        /// Jobs that may be ready; nil for no bound.
        var maxReady: Int?
        /// Whether worlds work on the queue meanwhile, and must not wait long for a transaction.
        var sharesQueue = false
        /// What the output asks of the jobs.
        var output: SubmissionCheck?
    }

    private static let batch = 4096
    /// The same beside worlds.
    private static let sharedBatch = 512
    /// So many jobs are enough for a world to begin with.
    private static let firstBatch = 64
    /// The longest time that jobs wait for others to be submitted with, in seconds.
    private static let longestWait = 1.0
    /// Bytes of pictures in one transaction; beside them, only those in the feed are in memory.
    private static let batchBytes = 64 << 20
    /// More are counted, not printed.
    private static let maximumFaultsShown = 20

    /// Moves all jobs of `source` into `queue`, a few thousand at a time, and those that were read while the next one is long in
    /// coming.
    ///
    /// - Parameter queue: nil to look only.
    /// - Throws: The error of the source, of the queue, and what the output refuses (`SinkError`).
    init(of source: any JobSource, to queue: (any JobQueue)?, _ manner: Manner) throws {
        let embeds = manner.embed && queue != nil
        let feed = JobFeed(source, manner.output, embedFrom: embeds ? PictureStore(report: { Console.log($0) }) : nil)
        defer { feed.stop() }
        try move(feed, to: queue, manner)
        feed.stop()
        // Where the queue refuses more, nobody waits for a source that gives no more for a while.
        let end = refusal == nil ? try feed.end() : try? feed.end(within: Self.longestWait)
        skipped = end?.skipped ?? 0
        if faults > Self.maximumFaultsShown {
            Console.log("… and \(faults - Self.maximumFaultsShown) more like these")
        }
        for note in end?.notes ?? [] { Console.writeLine(note.onOneLine) }
    }

    private mutating func move(_ feed: JobFeed, to queue: (any JobQueue)?, _ manner: Manner) throws {
        var (batch, bytes): ([Job], Int) = ([], 0)
        var (size, deadline) = (Self.firstBatch, DispatchTime?.none)
        func isDue() -> Bool {
            batch.count >= size || bytes >= Self.batchBytes || deadline.map { $0 <= .now() } ?? false
        }
        while refusal == nil {
            let taken = feed.take(until: deadline)
            if case .end = taken {
                // The jobs before an error are submitted with those after it, when the source is mended.
                _ = try feed.end()
                return try flush(&batch, to: queue, manner)
            }
            var jobs: ArraySlice<Job> = []
            if case .jobs(let some) = taken { jobs = some[...] }
            repeat {
                if let job = jobs.popFirst() {
                    count(job)
                    batch.append(job)
                    bytes += job.embeddedBytes
                    deadline = deadline ?? .now() + Self.longestWait
                }
                guard isDue() else { continue }
                try flush(&batch, to: queue, manner)
                (size, bytes, deadline) = (manner.sharesQueue ? Self.sharedBatch : Self.batch, 0, nil)
            } while !jobs.isEmpty && refusal == nil
        }
    }

    private mutating func count(_ job: Job) {
        pictures += job.pictureCount
        for image in job.images {
            // A sparse file may say any size.
            let (sum, overflows) = bytes.addingReportingOverflow(image.size ?? 0)
            bytes = overflows ? .max : sum
        }
        guard let fault = job.fault else { return }
        faults += 1
        if faults <= Self.maximumFaultsShown { Console.log(fault.message.onOneLine) }
    }

    private mutating func flush(_ batch: inout [Job], to queue: (any JobQueue)?, _ manner: Manner) throws {
        guard !batch.isEmpty, refusal == nil else { return }
        defer { batch.removeAll(keepingCapacity: true) }
        guard let queue else {
            summary.added += batch.count
            return
        }
        let start = ContinuousClock.now
        // Beside worlds, half of the time is theirs.
        defer { if manner.sharesQueue { Thread.sleep(forTimeInterval: (ContinuousClock.now - start).inSeconds) } }
        do throws(QueueError) {
            let part = try queue.submit(batch, otherContents: manner.otherContents, maxReady: manner.maxReady)
            summary.added += part.added
            summary.known += part.known
            summary.replaced += part.replaced
        } catch {
            guard case .full = error else { throw error }
            refusal = error
        }
    }
}
