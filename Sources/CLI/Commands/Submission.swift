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
    /// The longest time that jobs wait for others to be submitted with.
    private static let longestWait = Duration.seconds(1)
    /// Bytes of pictures that are in memory at once, and in one transaction.
    private static let batchBytes = 64 << 20
    /// More are counted, not printed.
    private static let maximumFaultsShown = 20

    /// Moves all jobs of `source` into `queue`, a few thousand at a time.
    ///
    /// - Parameter queue: nil to look only.
    init(of source: any JobSource, to queue: (any JobQueue)?, _ manner: Manner) throws {
        let store = PictureStore(report: { Console.log($0) })
        var (batch, bytes): ([Job], Int) = ([], 0)
        var check = manner.output
        var (size, flushed) = (Self.firstBatch, ContinuousClock.now)
        while refusal == nil, var job = try source.next() {
            if try check?.decide(job) == .skip { continue }
            if manner.embed && queue != nil { job.embedPictures(from: store) }
            count(job)
            batch.append(job)
            bytes += job.embeddedBytes
            let isDue =
                batch.count >= size || bytes >= Self.batchBytes || ContinuousClock.now - flushed >= Self.longestWait
            if isDue {
                try flush(&batch, to: queue, manner)
                (size, bytes, flushed) = (manner.sharesQueue ? Self.sharedBatch : Self.batch, 0, .now)
            }
        }
        try flush(&batch, to: queue, manner)
        skipped = check?.skipped ?? 0
        if faults > Self.maximumFaultsShown {
            Console.log("… and \(faults - Self.maximumFaultsShown) more like these")
        }
        for note in source.notes { Console.writeLine(note.onOneLine) }
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
