import Base
import Foundation
import Queue

/// The thread that calls the queue: it leases, renews and finishes jobs, and never computes, so a lease is renewed in
/// time however long a prefill takes.
final class LeaseKeeper: @unchecked Sendable {
    // @unchecked: what varies is only used on the keeper's thread.
    private enum Call {
        case lease(Int)
        case finish(LeaseHandle, Answer, service: String?)
        case fail(LeaseHandle, JobFailure, permanent: Bool, seconds: Double, service: String?)
        case release([LeaseHandle])
        case renew
    }

    private let queue: any JobQueue
    private let owner: String
    private let duration: Duration
    private let channel: any QueueChannel
    private var record: WorldRecord?
    private let times: @Sendable () -> RankTimes
    private var nextAnnouncement = DispatchTime.now()
    private let counter = ActivityCounter()
    private let calls = Mailbox<Call>()
    private let report: @Sendable (HelperReport) -> Void
    private let finished = DispatchSemaphore(value: 0)
    private var held: Set<LeaseHandle> = []
    private var pace: LeasePace
    /// Whether this world has answered a job.
    private var isProven = false
    /// How often in a row the queue said that jobs are ready and gave none.
    private var emptyPromises = 0

    /// So often in a row that is no coincidence.
    private static let maximumEmptyPromises = 10
    /// How often a world says that it is there, in seconds.
    private static let announcementInterval = 10.0

    /// - Parameters:
    ///   - duration: The duration of a lease, which is renewed after a third of it.
    ///   - channel: How services are told of the ends of their jobs.
    ///   - record: What the world says of itself in the queue; nil for nothing.
    ///   - times: Returns how the ranks spent their time lately. Called on this thread.
    ///   - report: Called on this thread.
    init(
        queue: any JobQueue, owner: String, duration: Duration, channel: any QueueChannel, record: WorldRecord?,
        times: @escaping @Sendable () -> RankTimes, report: @escaping @Sendable (HelperReport) -> Void
    ) {
        self.queue = queue
        self.owner = owner
        self.duration = duration
        self.channel = channel
        self.record = record
        self.times = times
        self.report = report
        pace = LeasePace(lease: duration.inSeconds)
        Thread.start("queue") { [self] in run() }
    }

    func lease(_ limit: Int) { calls.put(.lease(limit)) }
    /// - Parameter service: Who is told of the end; nil for nobody.
    func finish(_ handle: LeaseHandle, _ answer: Answer, service: String?) {
        calls.put(.finish(handle, answer, service: service))
    }
    func fail(_ handle: LeaseHandle, _ failure: JobFailure, permanent: Bool, seconds: Double, service: String?) {
        calls.put(.fail(handle, failure, permanent: permanent, seconds: seconds, service: service))
    }
    /// Renews at once, and reports what is lost.
    func renew() { calls.put(.renew) }
    func release(_ handles: [LeaseHandle]) { calls.put(.release(handles)) }

    /// Its activity, for a watchdog. Retries count as progress: the queue has a timeout of its own for a server that is
    /// down.
    var activity: Activity {
        guard case .waiting(let pieces) = counter.activity else { return .idle }
        return .waiting(pieces &+ queue.retries)
    }

    /// Makes the calls that are left, gives back what is still held and then reports `queueClosed`.
    func stop() { calls.close() }

    /// Waits until that is done, or until the timeout where a server is down: then the leases expire, or supervision
    /// gives them back.
    ///
    /// - Returns: Whether it is done.
    func finish(within seconds: Double) -> Bool { finished.wait(timeout: .now() + seconds) == .success }

    private func run() {
        defer {
            finished.signal()
            report(.queueClosed)
        }
        let interval = Double(duration.nanoseconds) / 3e9
        var renewal = DispatchTime.now() + interval
        loop: while true {
            do throws(QueueError) {
                let due = record == nil ? renewal : min(renewal, nextAnnouncement)
                switch calls.takeFirst(until: due) {
                case .item(let call):
                    counter.begin()
                    defer { counter.end() }
                    try make(call)
                case .timeout: break
                case .closed: break loop
                }
                if DispatchTime.now() >= renewal {
                    renewal = DispatchTime.now() + interval
                    counter.begin()
                    defer { counter.end() }
                    try renewLeases()
                }
                announce()
            } catch {
                report(.queueFailed(error))
            }
        }
        counter.begin()
        defer { counter.end() }
        if !held.isEmpty { try? queue.release(Array(held)) }
        if let record { try? queue.withdraw(record.owner) }
    }

    /// Says in the queue that this world is there, and what it has done. Nothing depends on it: where it fails, the next call
    /// that matters reports why.
    private func announce() {
        guard var record, DispatchTime.now() >= nextAnnouncement else { return }
        nextAnnouncement = .now() + Self.announcementInterval
        record.inFlight = held.count
        record.times = times()
        self.record = record
        counter.begin()
        defer { counter.end() }
        try? queue.announce(record)
    }

    /// Looks for the damage of a queue that counts jobs as ready and leases none, so that no world waits for them for ever.
    ///
    /// - Throws: `corrupt` where the queue contradicts itself.
    private func checkPromise(_ counts: JobCounts) throws(QueueError) {
        // Suspect jobs are leased to a world that holds nothing, one at a time.
        guard counts.ready > 0, counts.leased == 0, held.isEmpty else {
            emptyPromises = 0
            return
        }
        emptyPromises += 1
        if emptyPromises == Self.maximumEmptyPromises { try queue.verify() }
    }

    private func make(_ call: Call) throws(QueueError) {
        pace.advance(to: Double(DispatchTime.now().uptimeNanoseconds) / 1e9, holding: held.count)
        switch call {
        case .lease(let wanted):
            let limit = pace.allowance(wanted: wanted, held: held.count)
            guard limit > 0 else { return report(.holdsEnough) }
            FaultSwitch.before(.lease)
            let leases = try queue.lease(limit: limit, for: duration, owner: owner, isProven: isProven)
            if !leases.isEmpty { FaultSwitch.after(.lease) }
            held.formUnion(leases.map(\.handle))
            if leases.isEmpty {
                let counts = try queue.counts()
                try checkPromise(counts)
                let others = counts.retry + max(0, counts.leased - held.count)
                let next = others > 0 ? try queue.timeToNextReady() : nil
                report(.queueEmpty(outstanding: counts.ready + others, nextReady: next?.inSeconds))
            } else {
                emptyPromises = 0
                report(.leased(leases))
            }
        case .finish(let handle, let answer, let service):
            try end(handle, service) { () throws(QueueError) in
                FaultSwitch.before(.finish, handle.jobID)
                try queue.finish(handle, with: answer)
                FaultSwitch.after(.finish, handle.jobID)
                pace.finish()
                isProven = true
                record?.answered += 1
                return .answered
            }
        case .fail(let handle, let failure, let permanent, let seconds, let service):
            try end(handle, service) { () throws(QueueError) in
                FaultSwitch.before(.fail, handle.jobID)
                defer { FaultSwitch.after(.fail, handle.jobID) }
                let state = try queue.fail(handle, with: failure, permanent: permanent, seconds: seconds)
                if state == .failed { record?.failed += 1 }
                return state == .failed ? .failed : .retried
            }
        case .release(let handles):
            held.subtract(handles)
            FaultSwitch.before(.release)
            try queue.release(handles)
            FaultSwitch.after(.release)
        case .renew:
            try renewLeases()
        }
    }

    /// Reports how a job was settled. A stale lease is not an error: another world has the job, and its answer counts.
    private func end(
        _ handle: LeaseHandle, _ service: String?, _ body: () throws(QueueError) -> HelperReport.Settlement
    ) throws(QueueError) {
        do {
            let settlement = try body()
            if let service, settlement != .retried {
                channel.send([.ended(jobID: handle.jobID)], to: .service(service))
            }
            report(.settled(settlement))
        } catch {
            guard case .staleLease = error else { throw error }
            report(.settled(.stale))
        }
        held.remove(handle)
    }

    private func renewLeases() throws(QueueError) {
        guard !held.isEmpty else { return }
        // The queue refuses the answers of leases that were lost.
        FaultSwitch.before(.renew)
        let lost = try queue.renew(Array(held), for: duration)
        held.subtract(lost)
        FaultSwitch.after(.renew)
        if !lost.isEmpty { report(.lost(lost)) }
    }
}
