import Base
import Foundation

/// Fetches from web servers and object stores: up to 64 transfers at once on one thread, a few for each host, with a
/// bound on the memory of all bodies. One is made for each process that fetches.
package final class Fetcher: Sendable {
    private let settings: FetchSettings
    private let loop: TransferLoop
    private let s3: S3Client
    private let nextIdentifier = Locked(0)

    /// - Throws: ``FetchError`` where libcurl cannot be used.
    package init(_ settings: FetchSettings = FetchSettings()) throws(FetchError) {
        var settings = settings
        settings.transfers = min(64, max(1, settings.transfers))
        settings.transfersPerHost = max(1, settings.transfersPerHost)
        settings.transfersPerBucket = max(1, settings.transfersPerBucket)
        settings.bodyLimit = max(MemoryBody.firstShare, settings.bodyLimit)
        settings.memory = max(settings.bodyLimit, settings.memory)
        let policy = NetworkPolicy(settings)
        guard let loop = TransferLoop(settings, policy: policy) else {
            throw FetchError(.connection, at: "libcurl", "it cannot be started; there may be no memory left")
        }
        let identifiers = nextIdentifier
        self.settings = settings
        self.loop = loop
        if let notice = policy.notice { settings.report(notice) }
        s3 = S3Client(settings) { request throws(FetchError) in
            try Fetcher.run(request, on: loop, identifier: Fetcher.next(identifiers)).get().bytes
        }
    }

    deinit { loop.stop() }

    /// Ends all fetches with the code `canceled`; those that begin later end at once.
    package func stop() {
        loop.stop()
        loop.budget.close()
    }

    /// Bytes of the budget that bodies hold now.
    package var memoryUsed: Int { loop.budget.used }

    /// Opens a group for so many fetches; each of them has to be begun, with ``FetchRequest/group``.
    package func group(of count: Int) -> FetchGroup {
        let group = FetchGroup(number: Self.next(nextIdentifier))
        loop.budget.open(group, count: count)
        return group
    }

    /// Notes that a member of a group has failed before it was begun, or will not be fetched.
    package func endMember(of group: FetchGroup) { loop.budget.endMember(of: group) }

    /// Takes bytes that were made of fetched ones, like a cell of a table, into the budget, and waits for room as bodies do.
    ///
    /// - Parameter group: Of which they are a member; it ends with this. Nil where they are alone.
    package func hold(_ bytes: [UInt8], of group: FetchGroup?) -> HeldBytes {
        let share = MemoryBudget.Share(of: loop.budget)
        share.growWaiting(to: bytes.count)
        share.finish(at: bytes.count, of: group)
        if let group { loop.budget.endMember(of: group) }
        return HeldBytes(bytes: bytes, share: share)
    }

    /// Begins a fetch, ahead of its use. It waits while bodies that were fetched fill the budget. So who holds bodies
    /// while he waits for others makes them one ``group(of:)``, or calls ``FetchHandle/hurry()``.
    ///
    /// - Parameter completion: called once, on the thread of the transfers: it must not wait.
    /// - Returns: with which the fetch can be canceled.
    /// - Throws: ``FetchError`` where the address is none, or keys for an object store are set up but of no use. To
    ///   find keys may take some seconds for the first object.
    package func start(
        _ request: FetchRequest, completion: @escaping @Sendable (Result<FetchedBytes, FetchError>) -> Void
    ) throws(FetchError) -> FetchHandle {
        let identifier = Self.next(nextIdentifier)
        let prepared: HTTPRequest
        do throws(FetchError) {
            prepared = try prepare(request)
        } catch {
            if let group = request.group { loop.budget.endMember(of: group) }
            throw error
        }
        Self.start(
            prepared, on: loop, identifier: identifier, isAwaited: false, group: request.group, isKept: request.isKept,
            completion: completion)
        return FetchHandle(loop: loop, identifier: identifier)
    }

    /// Fetches, and waits for the end, but not for memory: threads that wait are few.
    ///
    /// - Throws: ``FetchError``.
    package func fetch(_ request: FetchRequest) throws(FetchError) -> FetchedBytes {
        try Self.run(try prepare(request), on: loop, identifier: Self.next(nextIdentifier)).get()
    }

    /// Opens a body that is read while it arrives, however large it is. It is continued where a connection breaks.
    ///
    /// - Throws: ``FetchError`` where the address is none; what happens later is thrown by ``FetchStream``.
    package func open(_ request: FetchRequest) throws(FetchError) -> FetchStream {
        var prepared = try prepare(request)
        prepared.bodyLimit = .max
        if request.seconds == nil { prepared.seconds = nil }
        let identifier = Self.next(nextIdentifier)
        let body = StreamBody(capacity: settings.streamBuffer)
        let loop = self.loop
        body.onRoom { loop.resume(identifier) }
        loop.start(Transfer(id: identifier, request: prepared, body: body))
        return FetchStream(body: body, handle: FetchHandle(loop: loop, identifier: identifier))
    }

    /// Lists the objects whose addresses begin with `s3://BUCKET/PREFIX`, page by page.
    ///
    /// - Parameter delimiter: as in `/` for one level: keys that have it behind the prefix are listed up to it.
    /// - Throws: ``FetchError`` with code `bad_url` for any other address.
    package func list(_ address: String, delimiter: String? = nil) throws(FetchError) -> S3Listing {
        guard let location = try S3Location(address) else {
            throw FetchError(.badURL, at: MaskedURL.text(address), "only s3://BUCKET/PREFIX can be listed")
        }
        return S3Listing(location, delimiter: delimiter) { token throws(FetchError) in
            var request = try self.s3.page(of: location, delimiter: delimiter, token: token)
            request.bodyLimit = S3Page.maximumBytes
            return try Self.run(request, on: self.loop, identifier: Self.next(self.nextIdentifier)).get().bytes
        }
    }
}

extension Fetcher {
    private func prepare(_ request: FetchRequest) throws(FetchError) -> HTTPRequest {
        var prepared: HTTPRequest
        if let location = try S3Location(request.address) {
            prepared = try s3.object(location)
        } else {
            prepared = HTTPRequest(
                address: try WebAddress(request.address), source: MaskedURL.text(request.address),
                bodyLimit: settings.bodyLimit, retries: settings.retries, seconds: settings.seconds,
                connectSeconds: settings.connectSeconds, transfersPerHost: settings.transfersPerHost)
        }
        if prepared.signer == nil { prepared.headers += request.headers }
        prepared.staysAtOrigin = request.staysAtOrigin
        prepared.range = request.range
        prepared.validator = request.validator
        if let seconds = request.seconds { prepared.seconds = seconds }
        return prepared
    }

    private static func next(_ identifiers: Locked<Int>) -> Int {
        identifiers.withLock { value in
            value += 1
            return value
        }
    }

    private static func start(
        _ request: HTTPRequest, on loop: TransferLoop, identifier: Int, isAwaited: Bool, group: FetchGroup? = nil,
        isKept: Bool = false, completion: @escaping @Sendable (Result<FetchedBytes, FetchError>) -> Void
    ) {
        let body = MemoryBody(limit: request.bodyLimit, group: group, isKept: isKept) { result in
            completion(result.map { FetchedBytes(response: $0.0, bytes: $0.1, share: $0.2) })
        }
        loop.start(Transfer(id: identifier, request: request, body: body, isAwaited: isAwaited, group: group))
    }

    private static func run(
        _ request: HTTPRequest, on loop: TransferLoop, identifier: Int
    ) -> Result<FetchedBytes, FetchError> {
        let end = DispatchSemaphore(value: 0)
        let result = Locked<Result<FetchedBytes, FetchError>?>(nil)
        start(request, on: loop, identifier: identifier, isAwaited: true) { outcome in
            result.withLock { $0 = outcome }
            end.signal()
        }
        end.wait()
        return result.withLock { $0 }
            ?? .failure(FetchError(.canceled, at: request.source, "it was not fetched to its end: canceled"))
    }
}

/// A fetch that goes on.
package struct FetchHandle: Sendable {
    fileprivate let loop: TransferLoop
    fileprivate let identifier: Int

    /// Ends the fetch with the code `canceled`, if it has not ended.
    package func cancel() { loop.cancel(identifier) }

    /// Says that a thread waits for this fetch. Then it waits no longer for memory, which that thread may hold.
    package func hurry() { loop.hurry(identifier) }
}
