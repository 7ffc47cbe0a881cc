import Base
import Foundation
import Queue
import Synchronization

/// Brings the jobs of requests into the queue and their answers back. Requests that come at the same time share a transaction.
///
/// Three threads call the queue, each on a connection of its own: one submits and cancels, one reads results and what the
/// service tells about the queue, one answers questions of people. Nothing is polled where messages are heard; the reader looks once a second for what a lost
/// message would have told.
package final class RequestBroker: Sendable {
    /// What becomes of a job.
    package enum Event: Sendable {
        case progress(AnswerProgress)
        case finished(JobResult)
        /// Its time is over; it was canceled.
        case expired
    }

    private enum Call: Sendable {
        case submit([Job], CheckedContinuation<Result<SubmitSummary, APIError>, Never>)
        case cancel([String])
    }

    private struct Pending {
        let continuation: AsyncStream<Event>.Continuation
        let deadline: ContinuousClock.Instant
    }

    /// The name by which worlds know the service.
    package let service: String
    private let maximumPending: Int
    private let submitting: any JobQueue
    private let reading: any JobQueue
    private let asking: any JobQueue
    private let channel: any QueueChannel
    private let calls = Mailbox<Call>()
    private let questions = Mailbox<@Sendable (any JobQueue) -> Void>()
    private let ended: Mailbox<String>
    private let pending: Locked<[ExactText: Pending]>
    private let latest = Locked(QueueView())
    private let threads = DispatchGroup()

    /// How often the reader looks without being told, in seconds: where messages are heard, and where they are not.
    private static let (lookInterval, deafInterval) = (1.0, 0.05)
    /// How often the counts and the worlds are read, in seconds.
    private static let viewInterval = 2.0
    private static let purgeInterval = 10.0
    /// How long the results of requests, and their pictures, are kept in the queue.
    private static let kept = Duration.seconds(60)

    /// - Parameters:
    ///   - queue: The name of the queue.
    ///   - maximumPending: The requests that may wait at the same time.
    /// - Throws: Where the queue cannot be opened.
    package init(queue name: String, maximumPending: Int) throws(QueueError) {
        let (ended, pending) = (Mailbox<String>(), Locked<[ExactText: Pending]>([:]))
        service = "s" + String(UInt64.random(in: 0 ... .max), radix: 16)
        self.maximumPending = maximumPending
        self.ended = ended
        self.pending = pending
        submitting = try openQueue(name, create: true, outage: .seconds(5))
        reading = try openQueue(name, outage: .seconds(5))
        asking = try openQueue(name, outage: .seconds(5))
        channel = try openChannel(ofQueue: name, as: .service(service)) { message in
            switch message {
            case .jobsAdded, .jobsCanceled: break
            case .ended(let id): ended.put(id)
            case .progress(let progress):
                let job = pending.withLock { $0[ExactText(progress.jobID)]?.continuation }
                _ = job?.yield(.progress(progress))
            }
        }
        start("submit") { [self] in submit() }
        start("results") { [self] in read() }
        start("questions") { [self] in
            while case .item(let question) = questions.takeFirst() { question(asking) }
        }
    }

    private func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        threads.enter()
        Thread.start(name) { [threads] in
            body()
            threads.leave()
        }
    }

    /// Ends the threads. Requests that still wait are told that their time is over.
    package func stop() {
        calls.close()
        ended.close()
        questions.close()
        threads.wait()
        channel.close()
        let left = pending.withLock { pending in
            defer { pending.removeAll() }
            return pending.values.map(\.continuation)
        }
        for continuation in left {
            continuation.yield(.expired)
            continuation.finish()
        }
    }

    /// What was seen of the queue last.
    package var view: QueueView { latest.withLock { $0 } }

    /// The jobs that wait for their answers.
    package var waiting: Int { pending.withLock { $0.count } }

    // MARK: Requests

    /// Submits the jobs of one request, all or none.
    ///
    /// - Returns: What becomes of each, in their order.
    /// - Throws: ``APIError`` where too many wait already, or the queue refuses them.
    package func submit(_ jobs: [Job], timeout: Duration) async throws(APIError) -> [AsyncStream<Event>] {
        let streams = jobs.map { _ in AsyncStream.makeStream(of: Event.self) }
        let deadline = ContinuousClock.now + timeout
        let maximum = maximumPending
        let waiting = pending.withLock { pending -> Int? in
            guard pending.count + jobs.count <= maximum else { return pending.count }
            for (job, stream) in zip(jobs, streams) {
                pending[ExactText(job.id)] = Pending(continuation: stream.continuation, deadline: deadline)
            }
            return nil
        }
        if let waiting { throw overload(waiting) }
        let result = await withCheckedContinuation { calls.put(.submit(jobs, $0)) }
        if case .failure(let error) = result {
            forget(jobs.map(\.id))
            throw error
        }
        return streams.map(\.stream)
    }

    /// Submits offline jobs, whose answers nobody waits for here.
    ///
    /// - Throws: ``APIError`` where the queue refuses them.
    package func submitQuietly(_ jobs: [Job]) async throws(APIError) -> SubmitSummary {
        let result = await withCheckedContinuation { calls.put(.submit(jobs, $0)) }
        return try result.get()
    }

    /// Calls the queue on a thread that may wait.
    ///
    /// - Throws: ``APIError`` where the queue cannot be used.
    package func ask<Value: Sendable>(
        _ body: @escaping @Sendable (any JobQueue) throws(QueueError) -> Value
    ) async throws(APIError) -> Value {
        let result = await withCheckedContinuation { continuation in
            questions.put { queue in
                continuation.resume(returning: Result { () throws(QueueError) in try body(queue) })
            }
        }
        do throws(QueueError) {
            return try result.get()
        } catch {
            throw APIError(error)
        }
    }

    /// Returns the state of a job; nil where there is none by that id.
    ///
    /// - Throws: ``APIError`` where the queue cannot be used.
    package func state(of id: String) async throws(APIError) -> JobState? {
        try await ask { queue throws(QueueError) in try queue.state(ofJob: id) }
    }

    /// Tells the worlds what somebody else did to the queue.
    package func notifyWorlds(_ message: QueueMessage) { channel.send([message], to: .worlds) }

    /// Cancels jobs whose answers nobody wants any more.
    package func cancel(_ ids: [String]) {
        let known = pending.withLock { pending in ids.filter { pending.removeValue(forKey: ExactText($0)) != nil } }
        if !known.isEmpty { calls.put(.cancel(known)) }
    }

    private func forget(_ ids: [String]) {
        pending.withLock { pending in
            for id in ids { pending.removeValue(forKey: ExactText(id)) }
        }
    }

    private func overload(_ waiting: Int) -> APIError {
        let rate = view.rate
        let seconds = rate > 0 ? Int((Double(waiting) / rate).rounded(.up)) : 10
        return APIError(
            429, .rateLimit, code: "queue_full",
            "\(waiting) requests wait already, as many as this service takes; try again later",
            retryAfter: min(max(seconds, 1), 60))
    }

    // MARK: The thread that submits

    private func submit() {
        while case .item(let first) = calls.takeFirst() {
            var (jobs, waiting, canceled):
                ([[Job]], [CheckedContinuation<Result<SubmitSummary, APIError>, Never>], [String]) =
                    ([], [], [])
            for call in [first] + calls.takeAll() {
                switch call {
                case .submit(let new, let continuation):
                    jobs.append(new)
                    waiting.append(continuation)
                case .cancel(let ids): canceled += ids
                }
            }
            let results = submit(jobs)
            for (continuation, result) in zip(waiting, results) { continuation.resume(returning: result) }
            if !canceled.isEmpty { _ = try? submitting.cancel(.ids(canceled)) }
            channel.send(
                (jobs.isEmpty ? [] : [.jobsAdded]) + (canceled.isEmpty ? [] : [.jobsCanceled]), to: .worlds)
        }
    }

    /// Submits all requests in one transaction; where that is refused, each in its own, so that one does not spoil the others.
    private func submit(_ requests: [[Job]]) -> [Result<SubmitSummary, APIError>] {
        guard !requests.isEmpty else { return [] }
        func tried(_ jobs: [Job]) -> Result<SubmitSummary, APIError> {
            do throws(QueueError) {
                return .success(try submitting.submit(jobs, otherContents: .refuse))
            } catch {
                return .failure(APIError(error))
            }
        }
        guard requests.count > 1 else { return requests.map(tried) }
        // What the summary of all says of one is not known; requests have ids of their own, so all were added.
        if case .success = tried(requests.flatMap(\.self)) {
            return requests.map { .success(SubmitSummary(added: $0.count)) }
        }
        return requests.map(tried)
    }

    // MARK: The thread that reads

    private func read() {
        var (nextView, nextPurge) = (ContinuousClock.now, ContinuousClock.now)
        var history = RateHistory()
        while true {
            let interval = channel.isHeard ? Self.lookInterval : Self.deafInterval
            var ids: [String]
            switch ended.takeFirst(until: .now() + interval) {
            case .item(let id): ids = [id] + ended.takeAll()
            case .timeout: ids = pending.withLock { $0.keys.map(\.text) }
            case .closed: return
            }
            ids = Array(Set(ids.map(ExactText.init))).map(\.text)
            if let results = try? reading.results(ofJobs: ids) { results.forEach(deliver) }
            expire()
            let now = ContinuousClock.now
            if now >= nextView {
                nextView = now + .seconds(Self.viewInterval)
                look(&history)
            }
            if now >= nextPurge {
                nextPurge = now + .seconds(Self.purgeInterval)
                _ = try? reading.purgeServed(olderThan: Self.kept)
            }
        }
    }

    private func deliver(_ result: JobResult) {
        let job = pending.withLock { $0.removeValue(forKey: ExactText(result.id)) }
        job?.continuation.yield(.finished(result))
        job?.continuation.finish()
    }

    private func expire() {
        let now = ContinuousClock.now
        let late = pending.withLock { pending in
            let late = pending.filter { $0.value.deadline <= now }
            for id in late.keys { pending.removeValue(forKey: id) }
            return late.map { (id: $0.key.text, continuation: $0.value.continuation) }
        }
        guard !late.isEmpty else { return }
        for (_, continuation) in late {
            continuation.yield(.expired)
            continuation.finish()
        }
        calls.put(.cancel(late.map(\.id)))
    }

    private func look(_ history: inout RateHistory) {
        do throws(QueueError) {
            var view = try QueueView(of: reading)
            history.note(view.rate, at: .now)
            view.pastRates = history.rates
            latest.withLock { $0 = view }
        } catch {
            latest.withLock { $0.isReachable = false }
        }
    }
}
