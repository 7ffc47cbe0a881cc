import Base
import Hummingbird
import NIOCore

/// Batches, with the interface of OpenAI.
struct BatchRoutes: Sendable {
    let settings: ServiceSettings
    /// Nil where the service keeps none.
    let batches: BatchRunner?
    let drain: DrainState

    private static let (defaultPage, largestPage) = (20, 100)
    /// Pairs of `metadata`, characters of a key and of a value.
    private static let (maximumPairs, longestKey, longestValue) = (16, 64, 512)

    func add(to router: Router<ServiceContext>) {
        router.post("/v1/batches") { request, _ in
            let batches = try runner
            try drain.check()
            return Response(try await create(request, in: batches).json)
        }
        router.get("/v1/batches") { request, _ in
            let all = try runner.batches.all
            let page = try ListPage(request, defaultLimit: Self.defaultPage, largestLimit: Self.largestPage)
            return Response(try page.json(of: all.map { ($0.id, $0.json) }))
        }
        router.get("/v1/batches/{id}") { _, context in
            let id = context.parameters.get("id") ?? ""
            guard let record = try runner.batches.record(of: id) else { throw APIError.noSuch("batch", id) }
            return Response(record.json)
        }
        router.post("/v1/batches/{id}/cancel") { _, context in
            Response(try await cancel(context.parameters.get("id") ?? "", in: try runner).json)
        }
    }

    private var runner: BatchRunner {
        get throws(APIError) {
            guard let batches else { throw .withoutState }
            return batches
        }
    }

    private func create(_ request: Request, in batches: BatchRunner) async throws -> BatchRecord {
        let body = try await request.body.collect(upTo: settings.limits.bodyBytes)
        let fields = try RequestFields(body: Array(body.readableBytesView))
        guard let file = try fields.text("input_file_id") else {
            throw APIError.invalidValue(
                "input_file_id", "\"input_file_id\" is missing; upload a file at /v1/files first")
        }
        let endpoint = try fields.text("endpoint") ?? ""
        guard endpoint == BatchRecord.endpoint else {
            throw APIError.invalidValue(
                "endpoint", "\"endpoint\" is \"\(endpoint.prefix(100))\"; \"\(BatchRecord.endpoint)\" is possible")
        }
        let window = try fields.text("completion_window") ?? "24h"
        guard window == "24h" else {
            throw APIError.invalidValue(
                "completion_window", "\"completion_window\" is \"\(window.prefix(100))\"; \"24h\" is possible")
        }
        guard let input = batches.files.record(of: file) else {
            throw APIError.noSuch("file", file, parameter: "input_file_id")
        }
        guard input.purpose == .batch else {
            throw APIError.invalidValue(
                "input_file_id", "the file is for \"\(input.purpose.rawValue)\"; upload one for \"batch\"")
        }
        let active = batches.batches.all.count { !$0.status.isEnd }
        guard active < BatchStore.maximumActive else {
            throw APIError(
                429, .rateLimit, code: "too_many_batches",
                "\(active) batches are being worked on, as many as this service takes; try again later", retryAfter: 60)
        }
        let record = BatchRecord(inputFile: file, metadata: try Self.metadata(fields), now: StateID.now)
        do {
            try await offThread { () throws(SystemError) in try batches.add(record) }
        } catch {
            throw APIError.storage(error)
        }
        return record
    }

    private static func metadata(_ fields: RequestFields) throws(APIError) -> [JSON.Member] {
        guard let pairs = try fields.object("metadata")?.all else { return [] }
        guard pairs.count <= maximumPairs else {
            throw .invalidValue(
                "metadata", "\"metadata\" has \(pairs.count) keys; at most \(maximumPairs) are possible")
        }
        for pair in pairs {
            guard let value = pair.value.string, value.count <= longestValue, pair.key.count <= longestKey else {
                throw .invalidValue(
                    "metadata",
                    "\"metadata\" has texts of at most \(longestValue) characters, with keys of at most \(longestKey)")
            }
        }
        return pairs
    }

    private func cancel(_ id: String, in batches: BatchRunner) async throws -> BatchRecord {
        let record: BatchRecord?
        do {
            record = try await offThread { () throws(SystemError) in try batches.cancel(id) }
        } catch {
            throw APIError.storage(error)
        }
        guard let record else { throw APIError.noSuch("batch", id) }
        guard record.status == .cancelling || record.status == .cancelled else {
            var error = APIError(
                409, .invalidRequest, code: "conflict",
                "the batch is \(record.status.rawValue) and cannot be canceled any more")
            error.mayBeRetried = false
            throw error
        }
        return record
    }
}
