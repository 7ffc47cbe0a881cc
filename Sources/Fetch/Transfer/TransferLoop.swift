import Base
import CCurl
import Foundation

/// Runs all transfers, on a thread of its own.
final class TransferLoop: @unchecked Sendable {
    // @unchecked: what changes is used by the loop's thread only; `inbox` and `handle` are shared.
    private enum Command {
        case start(Transfer)
        case cancel(Int)
        case hurry(Int)
        case resume(Int)
        case stop
    }

    /// The handle of libcurl for many transfers, as long as it is there.
    private struct Multi: @unchecked Sendable {
        let handle: UnsafeMutableRawPointer
    }

    let budget: MemoryBudget
    private let settings: FetchSettings
    private let policy: NetworkPolicy
    private let inbox = Mailbox<Command>()
    private let shared: Locked<Multi?>
    private let multi: UnsafeMutableRawPointer

    private var waiting = WaitingRoom<Transfer>()
    /// Those with an attempt under way.
    private var active: [Int: Transfer] = [:]
    /// Those that wait for their next try, the last due first.
    private var delayed: [(due: Double, transfer: Transfer)] = []
    /// Those that wait for their turn and for which a thread waits.
    private var awaited: Set<Int> = []
    /// How many transfers of each group have not ended, by the group's number.
    private var groups: [Int: Int] = [:]
    private var isStopped = false
    /// The servers of which was said that fetches are tried again.
    private var reported: Set<String> = []
    private static let maximumReported = 100

    private static let isInitialized = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Starts the thread.
    ///
    /// - Returns: nil where libcurl cannot be used.
    init?(_ settings: FetchSettings, policy: NetworkPolicy) {
        guard Self.isInitialized, let multi = curl_multi_init() else { return nil }
        self.multi = multi
        self.settings = settings
        self.policy = policy
        shared = Locked(Multi(handle: multi))
        budget = MemoryBudget(limit: settings.memory, reserve: settings.bodyLimit)
        pg_curl_multi_set_number(multi, CURLMOPT_MAXCONNECTS, 2 * settings.transfers)
        budget.onRelease { [weak self] in self?.wake() }
        Thread.start("fetch") { self.run() }
    }

    /// Hands over a transfer. Its body is called on the thread of the loop.
    func start(_ transfer: Transfer) { send(.start(transfer)) }

    /// Ends a transfer with the code `canceled`, if it has not ended.
    func cancel(_ id: Int) { send(.cancel(id)) }

    /// Notes that a thread waits for a transfer.
    func hurry(_ id: Int) { send(.hurry(id)) }

    /// Notes that the body of a paused transfer has room.
    func resume(_ id: Int) { send(.resume(id)) }

    /// Ends all transfers and the thread. Those that are started later end at once.
    func stop() { send(.stop) }

    private func send(_ command: Command) {
        inbox.put(command)
        let isAlive = wake()
        // Nobody takes what came after the end.
        if !isAlive { for command in inbox.takeAll() { refuse(command) } }
    }

    @discardableResult
    private func wake() -> Bool {
        shared.withLock { multi in
            guard let multi else { return false }
            curl_multi_wakeup(multi.handle)
            return true
        }
    }

    private func refuse(_ command: Command) {
        guard case .start(let transfer) = command else { return }
        transfer.body.finish(.failure(canceled(transfer)))
        if let group = transfer.group { budget.endMember(of: group) }
    }

    private func canceled(_ transfer: Transfer) -> FetchError {
        FetchError(
            .canceled, at: transfer.request.source, mayHelpLater: true, "it was not fetched to its end: canceled")
    }

    private func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
}

// MARK: The thread

extension TransferLoop {
    private func run() {
        // A peer that is gone must not end the process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        while !isStopped {
            for command in inbox.takeAll() { obey(command) }
            startDelayed()
            admit()
            resumeStarved()
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            var hasEnded = false
            while let message = nextMessage() {
                ended(message.attempt, message.code)
                hasEnded = true
            }
            // What has ended may have left a place to another, or continues elsewhere.
            if !hasEnded, !isStopped { curl_multi_poll(multi, nil, 0, pollMilliseconds(), nil) }
        }
        shared.withLock { $0 = nil }
        curl_multi_cleanup(multi)
        for command in inbox.takeAll() { refuse(command) }
    }

    private func obey(_ command: Command) {
        switch command {
        case .start(let transfer):
            if let group = transfer.group { groups[group.number, default: 0] += 1 }
            // A stream that waits for a place could wait for its own reader.
            if transfer.body.isStream { attempt(transfer) } else { enqueue(transfer) }
        case .resume(let id): if let transfer = active[id] { resume(transfer) }
        case .cancel(let id): cancelTransfers { $0.id == id }
        case .hurry(let id): hurryTransfer(id)
        case .stop:
            cancelTransfers { _ in true }
            isStopped = true
        }
    }

    private func enqueue(_ transfer: Transfer, isFirst: Bool = false) {
        let request = transfer.request
        if transfer.isAwaited { awaited.insert(transfer.id) }
        waiting.add(
            transfer, origin: request.address.origin, limit: request.transfersPerHost, isFirst: isFirst)
    }

    private func hurryTransfer(_ id: Int) {
        if let transfer = active[id] ?? delayed.first(where: { $0.transfer.id == id })?.transfer {
            transfer.isAwaited = true
        } else {
            for transfer in waiting.remove(where: { $0.id == id }) {
                transfer.isAwaited = true
                enqueue(transfer, isFirst: true)
            }
        }
    }

    private func cancelTransfers(where isMeant: (Transfer) -> Bool) {
        var ended = waiting.remove(where: isMeant)
        ended += delayed.map(\.transfer).filter(isMeant)
        delayed.removeAll { isMeant($0.transfer) }
        for transfer in active.values where isMeant(transfer) {
            leave(transfer)
            ended.append(transfer)
        }
        for transfer in ended {
            awaited.remove(transfer.id)
            finish(transfer, .failure(canceled(transfer)))
        }
    }

    private func finish(_ transfer: Transfer, _ result: Result<FetchedResponse, FetchError>) {
        transfer.body.finish(result)
        guard let group = transfer.group else { return }
        budget.endMember(of: group)
        let left = (groups[group.number] ?? 1) - 1
        groups[group.number] = left > 0 ? left : nil
    }

    /// Whether it is of the oldest group while all memory that is held waits for bodies to come.
    private func isNeeded(_ transfer: Transfer) -> Bool {
        guard let group = transfer.group, budget.isStuck else { return false }
        return groups.keys.min() == group.number
    }

    /// The oldest under way may use the reserve of the budget, so that there is always one that comes to its end.
    private func claim(of transfer: Transfer) -> MemoryBudget.Claim {
        if transfer.isAwaited || isNeeded(transfer) { return .always }
        return active.values.contains { !$0.body.isStream && $0.id < transfer.id } ? .ordinary : .reserve
    }

    private func startDelayed() {
        let time = now()
        while let last = delayed.last, last.due <= time {
            delayed.removeLast()
            if last.transfer.body.isStream { attempt(last.transfer) } else { enqueue(last.transfer) }
        }
    }

    /// Starts what waits, as far as there are places and memory.
    private func admit() {
        var isShort = active.values.contains { $0.attempt?.isPaused == true && !$0.body.isStream }
        while waiting.hasNext, active.values.count(where: { !$0.body.isStream }) < settings.transfers {
            let share = MemoryBudget.Share(of: budget)
            let isOnly = !active.values.contains { !$0.body.isStream }
            guard share.grow(to: MemoryBody.firstShare, isOnly ? .reserve : .ordinary) else {
                isShort = true
                break
            }
            guard let transfer = waiting.takeNext() else { break }
            transfer.place = transfer.request.address.origin
            start(transfer, share)
        }
        // What keeps places and memory may belong to the very thread, or the very job, that waits.
        guard isShort, !awaited.isEmpty || !groups.isEmpty && budget.isStuck else { return }
        for transfer in waiting.remove(where: { $0.isAwaited || isNeeded($0) }) {
            let share = MemoryBudget.Share(of: budget)
            _ = share.grow(to: MemoryBody.firstShare, .always)
            start(transfer, share)
        }
    }

    private func start(_ transfer: Transfer, _ share: MemoryBudget.Share) {
        awaited.remove(transfer.id)
        (transfer.body as? MemoryBody)?.admit(share)
        attempt(transfer)
    }

    private func resumeStarved() {
        for transfer in active.values where !transfer.body.isStream && transfer.attempt?.isPaused == true {
            resume(transfer)
        }
    }

    private func resume(_ transfer: Transfer) {
        guard let attempt = transfer.attempt, attempt.isPaused else { return }
        guard transfer.body.hasRoom(claim: claim(of: transfer)) else { return }
        attempt.isPaused = false
        curl_easy_pause(attempt.handle, CURLPAUSE_CONT)
    }

    private func pollMilliseconds() -> Int32 {
        guard let due = delayed.last?.due else { return 60_000 }
        return Int32(min(60_000, max(0, ((due - now()) * 1000).rounded(.up))))
    }

    private func nextMessage() -> (attempt: Attempt, code: CURLcode)? {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else { continue }
            let attempt = active.values.first { $0.attempt?.handle == handle }?.attempt
            if let attempt { return (attempt, message.pointee.data.result) }
        }
        return nil
    }
}

// MARK: Tries

extension TransferLoop {
    private func attempt(_ transfer: Transfer) {
        let time = now()
        let started = transfer.started ?? time
        transfer.started = started
        transfer.delivered = transfer.body.count
        let left = transfer.request.seconds.map { $0 - (time - started) }
        do throws(FetchError) {
            try policy.check(transfer.request)
            if let left, left <= 0 {
                throw FetchError(
                    .timedOut, at: transfer.request.source, mayHelpLater: true,
                    "it was not fetched within \(Int(transfer.request.seconds ?? 0)) s, all tries together")
            }
            guard
                let attempt = Attempt(
                    transfer, policy: policy, settings: settings,
                    claim: { [unowned self, unowned transfer] in claim(of: transfer) })
            else {
                throw FetchError(.connection, at: transfer.request.source, mayHelpLater: true, "out of memory")
            }
            try attempt.prepare(settings, seconds: left, time: Int(Date().timeIntervalSince1970))
            transfer.attempt = attempt
            active[transfer.id] = transfer
            guard curl_multi_add_handle(multi, attempt.handle) == CURLM_OK else {
                throw FetchError(.connection, at: transfer.request.source, mayHelpLater: true, "out of memory")
            }
        } catch {
            leave(transfer)
            finish(transfer, .failure(error))
        }
    }

    /// Frees the attempt and the place of a transfer.
    private func leave(_ transfer: Transfer) {
        if let attempt = transfer.attempt { curl_multi_remove_handle(multi, attempt.handle) }
        transfer.attempt = nil
        active[transfer.id] = nil
        if let place = transfer.place { waiting.leave(origin: place) }
        transfer.place = nil
    }

    private func ended(_ attempt: Attempt, _ code: CURLcode) {
        guard let transfer = active.values.first(where: { $0.attempt === attempt }) else { return }
        let retryAfter = Int(pg_curl_size(attempt.handle, CURLINFO_RETRY_AFTER))
        leave(transfer)
        let head = attempt.head
        switch attempt.plan {
        case .explanation:
            if !follow(transfer, attempt) { failed(transfer, status(transfer, attempt), retryAfter: retryAfter) }
        case .some where code == CURLE_OK && attempt.refusal == nil:
            if let shortage = attempt.shortage { return failed(transfer, shortage, retryAfter: 0) }
            finish(
                transfer, .success(FetchedResponse(head, source: MaskedURL.text(transfer.request.address.text))))
        default: failed(transfer, attempt.failure(code), retryAfter: 0)
        }
    }

    private func status(_ transfer: Transfer, _ attempt: Attempt) -> FetchError {
        let request = transfer.request
        return StatusFailure.error(
            attempt.head, body: attempt.explanation, source: request.source,
            secrets: request.signer?.secrets ?? MaskedURL.secrets(in: request.address.text),
            isSigned: request.signer != nil)
    }

    /// Goes where the server says that the resource is.
    ///
    /// - Returns: false where the response is no redirect, or one without a place.
    private func follow(_ transfer: Transfer, _ attempt: Attempt) -> Bool {
        let request = transfer.request
        if let signer = request.signer {
            guard let region = attempt.head.bucketRegion, !transfer.hasMoved,
                let moved = signer.moved(request, to: region)
            else { return false }
            transfer.hasMoved = true
            transfer.request = moved
        } else {
            guard attempt.head.isRedirect, let location = attempt.head.location else { return false }
            transfer.redirects += 1
            do throws(FetchError) {
                guard transfer.redirects <= settings.redirects else {
                    throw FetchError(
                        .tooManyRedirects, at: request.source, status: attempt.head.status,
                        "the server redirects more than \(settings.redirects) times")
                }
                let target = try Redirect.target(location, from: request)
                if target.origin != request.address.origin {
                    guard !request.staysAtOrigin else {
                        let source = MaskedURL.text(request.address.text)
                        finish(
                            transfer,
                            .success(FetchedResponse(attempt.head, source: source, redirect: target.text)))
                        return true
                    }
                    // They may hold what only the server that was asked may know.
                    transfer.request.headers = []
                }
                transfer.request.address = target
            } catch {
                finish(transfer, .failure(error))
                return true
            }
        }
        if transfer.body.isStream { self.attempt(transfer) } else { enqueue(transfer, isFirst: true) }
        return true
    }

    private func failed(_ transfer: Transfer, _ error: FetchError, retryAfter: Int) {
        // A stream that moved on has not failed in a row.
        if transfer.body.isStream, transfer.body.count > transfer.delivered { transfer.failures = 0 }
        transfer.failures += 1
        let schedule = RetrySchedule(settings: settings)
        let delay = schedule.delay(
            after: error, failures: transfer.failures, retries: transfer.request.retries, retryAfter: retryAfter,
            random: .random(in: 0...1))
        let canContinue = !transfer.body.isStream || transfer.body.count == 0 || transfer.validator != nil
        guard let delay, canContinue else {
            finish(transfer, .failure(error))
            return
        }
        report(error, of: transfer.request, delay: delay)
        if !transfer.body.isStream { transfer.body.restart() }
        let due = now() + delay
        let place = delayed.firstIndex { $0.due <= due } ?? delayed.count
        delayed.insert((due, transfer), at: place)
    }

    /// Says once for each server that its fetches are tried again, and how long that takes.
    private func report(_ error: FetchError, of request: HTTPRequest, delay: Double) {
        let server = request.address.origin
        guard !request.isInternal, reported.count < Self.maximumReported, reported.insert(server).inserted else {
            return
        }
        let seconds = max(0.1, (delay * 10).rounded() / 10)
        settings.report(
            "fetching from \(server) is tried again in \(seconds) s, up to \(request.retries) times with longer waits: "
                + "\(error.reason); further failures of this server are not reported")
    }
}
