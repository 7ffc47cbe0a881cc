import Base
import Foundation
import Queue

/// The thread that talks to the queue: it leases, finishes and renews, and never computes, so a lease is kept
/// however long a prefill takes.
final class QueueKeeper: @unchecked Sendable {
    // @unchecked: `held`, `pace` and `isProven` are only used on the keeper's thread.
    private enum Request {
        case lease(Int)
        case finish(Lease.Ticket, Answer)
        case fail(Lease.Ticket, JobFailure, permanent: Bool, seconds: Double)
        case release([Lease.Ticket])
    }

    private let queue: any JobQueue
    private let owner: String
    private let duration: Duration
    private let mark = ActivityCounter()
    private let requests = Mailbox<Request>()
    private let report: @Sendable (Inbox.Message) -> Void
    private let finished = DispatchSemaphore(value: 0)
    private var held: Set<Lease.Ticket> = []
    private var pace: LeasePace
    /// Whether this world has answered a job.
    private var isProven = false

    /// - Parameter duration: of a lease; it is renewed three times as often as it would run out.
    init(
        queue: any JobQueue, owner: String, duration: Duration, report: @escaping @Sendable (Inbox.Message) -> Void
    ) {
        self.queue = queue
        self.owner = owner
        self.duration = duration
        self.report = report
        pace = LeasePace(lease: duration.inSeconds)
        Thread.start("queue") { [self] in run() }
    }

    func lease(_ limit: Int) { requests.put(.lease(limit)) }
    func finish(_ ticket: Lease.Ticket, _ answer: Answer) { requests.put(.finish(ticket, answer)) }
    func fail(_ ticket: Lease.Ticket, _ failure: JobFailure, permanent: Bool, seconds: Double) {
        requests.put(.fail(ticket, failure, permanent: permanent, seconds: seconds))
    }
    func release(_ tickets: [Lease.Ticket]) { requests.put(.release(tickets)) }

    /// Whether it gets on. While a server that is away is asked again and again, it does: the queue has a patience of
    /// its own.
    var activity: Activity {
        guard case .waiting(let pieces) = mark.activity else { return .idle }
        return .waiting(pieces &+ queue.retries)
    }

    /// Does everything that was asked for, gives back what is still held and then reports `queueClosed`.
    func stop() { requests.close() }

    /// Waits until that is done, but not for a server that is away: then leases run out, or supervision gives them back.
    ///
    /// - Returns: whether it is done.
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
                switch requests.takeFirst(until: renewal) {
                case .item(let request):
                    mark.begin()
                    defer { mark.end() }
                    try handle(request)
                case .timeout: break
                case .closed: break loop
                }
                if DispatchTime.now() >= renewal {
                    renewal = DispatchTime.now() + interval
                    mark.begin()
                    defer { mark.end() }
                    try renew()
                }
            } catch {
                report(.queueFailed(error))
            }
        }
        guard !held.isEmpty else { return }
        mark.begin()
        defer { mark.end() }
        try? queue.release(Array(held))
    }

    private func handle(_ request: Request) throws(QueueError) {
        pace.pass(until: Double(DispatchTime.now().uptimeNanoseconds) / 1e9, holding: held.count)
        switch request {
        case .lease(let wanted):
            let limit = pace.allowance(wanted: wanted, held: held.count)
            guard limit > 0 else { return report(.holdsEnough) }
            FaultSwitch.before(.lease)
            let leases = try queue.lease(limit: limit, for: duration, owner: owner, isProven: isProven)
            if !leases.isEmpty { FaultSwitch.after(.lease) }
            held.formUnion(leases.map(\.ticket))
            if leases.isEmpty {
                let counts = try queue.counts()
                let others = counts.retry + max(0, counts.leased - held.count)
                let next = others > 0 ? try queue.timeToNextReady() : nil
                report(.queueEmpty(outstanding: counts.ready + others, nextReady: next?.inSeconds))
            } else {
                report(.leased(leases))
            }
        case .finish(let ticket, let answer):
            try end(ticket) { () throws(QueueError) in
                FaultSwitch.before(.finish, ticket.jobID)
                try queue.finish(ticket, with: answer)
                FaultSwitch.after(.finish, ticket.jobID)
                pace.finish()
                isProven = true
                return .answered
            }
        case .fail(let ticket, let failure, let permanent, let seconds):
            try end(ticket) { () throws(QueueError) in
                FaultSwitch.before(.fail, ticket.jobID)
                defer { FaultSwitch.after(.fail, ticket.jobID) }
                let state = try queue.fail(ticket, with: failure, permanent: permanent, seconds: seconds)
                return state == .failed ? .failed : .retried
            }
        case .release(let tickets):
            held.subtract(tickets)
            FaultSwitch.before(.release)
            try queue.release(tickets)
            FaultSwitch.after(.release)
        }
    }

    /// A stale lease is no fault of the queue's: another world has the job, and its answer counts.
    private func end(
        _ ticket: Lease.Ticket, _ body: () throws(QueueError) -> Inbox.Settlement
    ) throws(QueueError) {
        do {
            report(.settled(try body()))
        } catch {
            guard case .staleLease = error else { throw error }
            report(.settled(.stale))
        }
        held.remove(ticket)
    }

    private func renew() throws(QueueError) {
        guard !held.isEmpty else { return }
        // The answers of lost leases will be refused by the queue, whoever has the jobs now.
        FaultSwitch.before(.renew)
        held.subtract(try queue.renew(Array(held), for: duration))
        FaultSwitch.after(.renew)
    }
}
