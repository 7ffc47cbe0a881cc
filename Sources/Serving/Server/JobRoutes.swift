import Base
import Foundation
import HTTPTypes
import Hummingbird
import JobSources
import Queue

/// Jobs as the queue has them: `POST /v1/jobs` submits one that nobody has to wait for, the others tell what became of jobs.
///
/// They are offline jobs: they outlive the service, and their results are among those of the queue.
struct JobRoutes: Sendable {
    let settings: ServiceSettings
    let broker: RequestBroker
    let pictures: RequestPictures
    let bodies: BodyBudget
    let drain: DrainState
    let previews: PicturePreviews
    private let turns = Turns(maximumWaiting: 256)

    private static let longestWait = 60
    private static let waitStep = Duration.milliseconds(100)
    private static let (defaultPage, largestPage) = (100, 1000)

    func add(to router: Router<ServiceContext>) {
        router.post("/v1/jobs") { request, _ in try await submit(request) }
        router.get("/v1/jobs/{id}") { request, context in
            try await show(try Self.id(context), try request.queryNumber("wait", 0...Self.longestWait) ?? 0)
        }
        router.get("/v1/jobs/{id}/picture/{number}") { _, context in
            try await picture(try Self.id(context), context.parameters.get("number"))
        }
        router.delete("/v1/jobs/{id}") { _, context in try await cancel(try Self.id(context)) }
        router.get("/v1/results") { request, _ in
            if let last = try request.queryNumber("last", 1...Self.largestPage) {
                let results = try await broker.ask { queue throws(QueueError) in try queue.latestResults(limit: last) }
                return Response(.record(["data": .array(try results.map { try Self.json(of: $0) })]))
            }
            let after = try request.queryNumber("after", 0...Int.max) ?? 0
            let limit = try request.queryNumber("limit", 1...Self.largestPage) ?? Self.defaultPage
            let results = try await broker.ask { queue throws(QueueError) in
                try queue.results(after: Int64(after), limit: limit)
            }
            return Response(
                .record([
                    "data": .array(try results.map { try Self.json(of: $0) }),
                    "last": .integer(results.last?.number ?? Int64(after)),
                ]))
        }
        router.get("/v1/failures") { _, _ in
            let causes = try await broker.ask { queue throws(QueueError) in try FailureCause.all(in: queue) }
            return Response(
                .record([
                    "data": .array(
                        causes.map {
                            .record([
                                "code": .string($0.code), "jobs": .integer($0.failed),
                                "waiting": .integer($0.waiting), "example": .string($0.example),
                            ])
                        })
                ]))
        }
        router.post("/v1/retry") { request, context in
            let response = try await change(request, context) { queue, jobs throws(QueueError) in
                try queue.retry(jobs)
            }
            broker.notifyWorlds(.jobsAdded)
            return response
        }
        router.post("/v1/cancel") { request, context in
            let response = try await change(request, context) { queue, jobs throws(QueueError) in
                try queue.cancel(jobs)
            }
            broker.notifyWorlds(.jobsCanceled)
            return response
        }
    }

    // MARK: One job

    private func submit(_ request: Request) async throws -> Response {
        try drain.check()
        return try await bodies.withBody(of: request, limit: settings.limits.bodyBytes) { _, bytes in
            try await submit(try RequestFields(body: bytes))
        }
    }

    private func submit(_ fields: RequestFields) async throws -> Response {
        let id = try fields.text("id") ?? "job-" + UUID().uuidString.lowercased()
        guard !id.isEmpty else { throw APIError.invalidValue("id", "\"id\" is empty; give one, or leave it out") }
        let images = try await pictures.images(try Self.pictures(fields), id: id, place: "images")
        var job = SubmittedLine.job(
            of: fields.without(["id", "images", "image"]), id: id, pictures: images, place: "the request")
        if let fault = job.fault { throw APIError(fault) }
        job.source = nil
        let submitted = job
        let summary = try await broker.submitQuietly([submitted])
        let state: JobState = summary.known > 0 ? try await broker.state(of: id) ?? .ready : .ready
        return Response(
            .record(["id": .string(id), "state": .string("\(state)")]), status: .accepted)
    }

    private static func pictures(_ fields: RequestFields) throws(APIError) -> [ChatMessages.Picture] {
        guard let list = fields["images"]?.array, !list.isEmpty else {
            throw .invalidValue("images", "\"images\" is missing; give a list like [{\"data\": \"BASE64\"}]")
        }
        var pictures: [ChatMessages.Picture] = []
        for (index, image) in list.enumerated() {
            let address = image["data"]?.string.map { "data:;base64," + $0 } ?? image["url"]?.string
            guard let address else {
                throw .invalidValue(
                    "images[\(index)]",
                    "a picture is {\"data\": \"BASE64\"} or {\"url\": \"https://…\"}; paths of files are not read for requests"
                )
            }
            guard let picture = ChatMessages.picture(address) else {
                throw .invalidValue("images[\(index)]", ChatMessages.reason(address))
            }
            pictures.append(picture)
        }
        return pictures
    }

    private func show(_ id: String, _ wait: Int) async throws -> Response {
        let deadline = ContinuousClock.now + .seconds(wait)
        while true {
            let result = try await broker.ask { queue throws(QueueError) in try queue.results(ofJobs: [id]).first }
            if let result { return Response(try Self.json(of: result)) }
            guard let state = try await broker.state(of: id) else {
                throw APIError.notFound("job \"\(id.prefix(200))\"")
            }
            guard ContinuousClock.now < deadline, !drain.isDraining else {
                return Response(.record(["id": .string(id), "state": .string("\(state)")]), status: .accepted)
            }
            try await Task.sleep(for: Self.waitStep)
        }
    }

    /// One picture at a time is decoded, and is in memory only then.
    private func picture(_ id: String, _ number: String?) async throws -> Response {
        guard let number = number.flatMap({ Int($0) }), number >= 0 else { throw APIError.notFound("such picture") }
        let bytes = try await turns.run {
            let image = try await broker.ask { queue throws(QueueError) in try queue.image(number, ofJob: id) }
            guard let image else { throw APIError.notFound("picture \(number) of a job \"\(id.prefix(200))\"") }
            return try await previews.jpegOnItsOwnThread(of: image)
        }
        guard let bytes else {
            throw APIError(
                429, .rateLimit, code: "queue_full", "too many pictures are being read; try again later", retryAfter: 5)
        }
        var response = Response(bytes: bytes, type: "image/jpeg")
        response.headers[.cacheControl] = "private, max-age=600"
        response.headers[.contentTypeOptions] = "nosniff"
        return response
    }

    private func cancel(_ id: String) async throws -> Response {
        let canceled = try await broker.ask { queue throws(QueueError) in try queue.cancel(.ids([id])) }
        broker.notifyWorlds(.jobsCanceled)
        guard let state = try await broker.state(of: id) else { throw APIError.notFound("job \"\(id.prefix(200))\"") }
        return Response(
            .record(["id": .string(id), "state": .string("\(state)"), "canceled": .bool(canceled > 0)]))
    }

    // MARK: Many jobs

    /// Does something to a selection of jobs: `{"ids": […]}`, `{"code": "…"}` or `{"all": true}`.
    private func change(
        _ request: Request, _ context: ServiceContext,
        _ body: @escaping @Sendable (any JobQueue, JobSelection) throws(QueueError) -> Int
    ) async throws -> Response {
        if settings.keys != nil, context.holder?.role != .admin {
            throw APIError(
                403, .permission, code: "not_permitted", "the jobs of others are changed with a key of an admin only")
        }
        let bytes = try await request.body.collect(upTo: settings.limits.bodyBytes)
        let fields = try RequestFields(body: Array(bytes.readableBytesView))
        let selection: JobSelection
        if let ids = try fields.texts("ids", maximum: 100_000), !ids.isEmpty {
            selection = .ids(ids)
        } else if let code = try fields.text("code") {
            selection = .code(code)
        } else if try fields.bool("all") == true {
            selection = .all
        } else {
            throw APIError.invalidValue("body", "no job is selected; give \"ids\", \"code\" or \"all\": true")
        }
        let count = try await broker.ask { queue throws(QueueError) in try body(queue, selection) }
        return Response(.record(["jobs": .integer(count)]))
    }

    // MARK: Parts of requests and answers

    private static func id(_ context: ServiceContext) throws -> String {
        guard let id = context.parameters.get("id")?.removingPercentEncoding, !id.isEmpty else {
            throw APIError.notFound("such job")
        }
        return id
    }

    /// The line of the results as a value, with its number.
    private static func json(of result: JobResult) throws(APIError) -> JSON {
        guard let json = try? JSON(parsing: result.line()), let members = json.object else {
            throw APIError(500, .server, code: "internal", "the result of a job cannot be read")
        }
        return .object(members + [.init(key: "number", value: .integer(result.number))])
    }
}
