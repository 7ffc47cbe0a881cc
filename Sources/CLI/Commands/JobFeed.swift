import Base
import Foundation
import JobPictures
import JobSources
import Queue
import ResultSinks

/// Reads jobs on a thread of its own, so that those which were read are submitted although the next one is long in coming. What
/// was read and not taken is bounded by number and by bytes.
package final class JobFeed: Sendable {
    /// What the thread came to.
    package struct End: Sendable {
        /// Jobs that were passed over because their answer is there.
        package var skipped = 0
        /// What the source says.
        package var notes: [String] = []
    }

    /// What there is to take.
    package enum Taken: Sendable {
        case jobs([Job])
        /// No job was there until the deadline.
        case none
        /// There are no more.
        case end
    }

    /// What the thread takes over; nobody else uses it afterwards.
    private struct Work: @unchecked Sendable {
        let source: any JobSource
        var check: SubmissionCheck?
        let store: PictureStore?
    }

    private struct State {
        var jobs: [Job] = []
        var bytes = 0
        var isStopped = false
        var (isReaderWaiting, isTakerWaiting) = (false, false)
        var end: Result<End, any Error>?
    }

    private static let maximumJobs = 1024
    private static let maximumBytes = 16 << 20

    private let state = Locked(State())
    private let arrivals = DispatchSemaphore(value: 0)
    private let room = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// Starts to read.
    ///
    /// - Parameters:
    ///   - check: What the output asks of the jobs.
    ///   - store: Reads the pictures, where they travel in the queue; nil where they do not.
    package init(_ source: any JobSource, _ check: SubmissionCheck?, embedFrom store: PictureStore?) {
        let work = Work(source: source, check: check, store: store)
        Thread.start("source", stackBytes: 4 << 20) { [self] in
            let end = Result { try read(work) }
            let wakes = state.withLock { state in
                state.end = end
                return state.isTakerWaiting
            }
            if wakes { arrivals.signal() }
            ended.signal()
        }
    }

    // MARK: The reader's side

    private func read(_ work: Work) throws -> End {
        var check = work.check
        while var job = try work.source.next() {
            if try check?.decide(job) == .skip { continue }
            if let store = work.store { job.embedPictures(from: store) }
            guard put(job) else { break }
        }
        return End(skipped: check?.skipped ?? 0, notes: work.source.notes)
    }

    /// Leaves a job, and waits for room before that.
    ///
    /// - Returns: whether it was left; false where no more are wanted.
    private func put(_ job: Job) -> Bool {
        let bytes = job.embeddedBytes
        while true {
            let (isDone, isStopped, wakes) = state.withLock { state in
                guard !state.isStopped else { return (true, true, false) }
                // A picture that is larger than the bound is the only one.
                let hasRoom = state.jobs.count < Self.maximumJobs && bytes <= Self.maximumBytes - state.bytes
                guard state.jobs.isEmpty || hasRoom else {
                    state.isReaderWaiting = true
                    return (false, false, false)
                }
                state.jobs.append(job)
                state.bytes += bytes
                return (true, false, state.isTakerWaiting)
            }
            if wakes { arrivals.signal() }
            if isDone { return !isStopped }
            room.wait()
        }
    }

    // MARK: The taker's side

    /// Takes all jobs that are there, and waits where there is none.
    ///
    /// - Parameter deadline: Until when; nil for any time.
    package func take(until deadline: DispatchTime?) -> Taken {
        while true {
            let (taken, wakes) = state.withLock { (state) -> (Taken?, Bool) in
                state.isTakerWaiting = false
                guard !state.jobs.isEmpty else {
                    state.isTakerWaiting = state.end == nil
                    return (state.end == nil ? nil : .end, false)
                }
                let (jobs, wakes) = (state.jobs, state.isReaderWaiting)
                (state.jobs, state.bytes, state.isReaderWaiting) = ([], 0, false)
                return (.jobs(jobs), wakes)
            }
            if wakes { room.signal() }
            if let taken { return taken }
            if arrivals.wait(timeout: deadline ?? .distantFuture) == .timedOut { return .none }
        }
    }

    /// Wants no more jobs. A reader that waits for its source, which may take any time, ends with the process or with the
    /// next job.
    package func stop() {
        let wakes = state.withLock { state in
            state.isStopped = true
            (state.jobs, state.bytes) = ([], 0)
            defer { state.isReaderWaiting = false }
            return state.isReaderWaiting
        }
        if wakes { room.signal() }
    }

    /// Waits for the reader's end.
    ///
    /// - Parameter seconds: The longest wait; nil for any.
    /// - Returns: What it came to; nil where it goes on.
    /// - Throws: The error of the source, and what the output refuses (`SinkError`).
    package func end(within seconds: Double? = nil) throws -> End? {
        if state.withLock({ $0.end == nil }) {
            _ = ended.wait(timeout: seconds.map { .now() + $0 } ?? .distantFuture)
        }
        return try state.withLock { $0.end }?.get()
    }
}
