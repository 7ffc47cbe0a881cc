import Base
import Foundation
import HTTPTypes
import Hummingbird
import JobSources
import Queue

/// The routes whose answers somebody waits for: `POST /v1/chat/completions` and `POST /v1/completions`.
struct AnswerRoutes: Sendable {
    let settings: ServiceSettings
    let broker: RequestBroker
    let models: ModelNames
    let pictures: RequestPictures
    let writer: AnswerWriter
    let bodies: BodyBudget
    let drain: DrainState

    func add(to router: Router<ServiceContext>) {
        router.post("/v1/chat/completions") { request, context in
            let (request, chat) = try await read(request) { fields throws(APIError) in
                try ChatRequest(fields, settings.limits)
            }
            let id = Self.newID()
            let format = ChatCompletion(
                id: "chatcmpl-" + id, created: Self.now, model: chat.model ?? models.served, request: chat)
            return try await answer(request, context, id: id, [chat], format, streams: chat.streams)
        }
        router.post("/v1/completions") { request, context in
            let (request, completion) = try await read(request) { fields throws(APIError) in
                try CompletionRequest(fields, settings.limits)
            }
            let (id, first) = (Self.newID(), completion.chats[0])
            let format = TextCompletion(
                id: "cmpl-" + id, created: Self.now, model: first.model ?? models.served,
                logprobs: completion.logprobs, includesUsage: first.includesUsage)
            return try await answer(request, context, id: id, completion.chats, format, streams: first.streams)
        }
    }

    private static var now: Int { Int(Date().timeIntervalSince1970) }
    private static func newID() -> String { UUID().uuidString.lowercased() }

    private func read<Body: Sendable>(
        _ request: Request, _ understand: @Sendable (RequestFields) throws(APIError) -> Body
    ) async throws -> (Request, Body) {
        try await bodies.withBody(of: request, limit: settings.limits.bodyBytes) { request, bytes in
            (request, try understand(RequestFields(body: bytes)))
        }
    }

    /// - Parameter chats: Questions about the same pictures, none empty.
    private func answer(
        _ request: Request, _ context: ServiceContext, id: String, _ chats: [ChatRequest], _ format: any AnswerFormat,
        streams: Bool
    ) async throws -> Response {
        try drain.check()
        let adapter = try models.adapter(for: chats[0].model)
        var response: Response
        if streams {
            response = writer.stream(try await accept(chats, id: id, adapter, format, context))
        } else {
            // The answer of a client that leaves is not wanted any more.
            let json = try await request.body.consumeWithCancellationOnInboundClose { _ in
                try await writer.whole(try await accept(chats, id: id, adapter, format, context))
            }
            response = Response(json)
            // The connection was read to its end to notice that.
            response.headers[.connection] = "close"
        }
        let ignored = chats[0].ignored
        if !ignored.isEmpty { response.headers[.ignoredKeys] = ignored.map(\.headerText).joined(separator: ", ") }
        return response
    }

    private func accept(
        _ chats: [ChatRequest], id: String, _ adapter: String?, _ format: any AnswerFormat, _ context: ServiceContext
    ) async throws -> AcceptedRequest {
        let images = try await pictures.images(chats[0].pictures, id: "req-" + id, place: "messages[0].content")
        var jobs: [Job] = []
        for (index, chat) in chats.enumerated() {
            let name = chats.count == 1 ? "req-" + id : "req-\(id).\(index)"
            jobs += try chat.jobs(id: name, adapter: adapter, pictures: images, service: broker.service)
        }
        let streams = try await broker.submit(jobs, timeout: .seconds(settings.requestSeconds))
        return AcceptedRequest(
            format: format, ids: jobs.map(\.id), maxTokens: chats[0].maxTokens, streams: streams, start: context.start)
    }
}

extension String {
    /// The text as the value of a header can hold it: ASCII that can be seen, at most 100 characters.
    fileprivate var headerText: String {
        String(decoding: utf8.prefix(100).map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
