import Base
import Foundation
import HTTPTypes
import Hummingbird
import JobSources
import NIOCore
import Queue

/// `POST /v1/chat/completions`.
struct ChatRoute: Sendable {
    let settings: ServiceSettings
    let broker: RequestBroker
    let models: ModelNames
    let metrics: ServiceMetrics
    let drain: DrainState

    /// How often a client that waits is told that it waits, in seconds.
    private static let heartbeat = 5.0

    /// A request that is in the queue.
    private struct Accepted: Sendable {
        let completion: ChatCompletion
        let jobs: [Job]
        let streams: [AsyncStream<RequestBroker.Event>]
        let start: ContinuousClock.Instant
        var ids: [String] { jobs.map(\.id) }
        var seconds: Double {
            let (seconds, attoseconds) = (ContinuousClock.now - start).components
            return Double(seconds) + Double(attoseconds) / 1e18
        }
    }

    func answer(_ request: Request, _ context: ServiceContext) async throws -> Response {
        var request = request
        let body = try await request.collectBody(upTo: settings.limits.bodyBytes)
        let chat = try ChatRequest(RequestFields(body: Array(body.readableBytesView)), settings.limits)
        try drain.check()
        let adapter = try models.adapter(for: chat.model)
        var response: Response
        if chat.streams {
            let accepted = try await accept(chat, adapter, context)
            response = stream(accepted)
        } else {
            // The answer of a client that leaves is not wanted any more.
            let json = try await request.body.consumeWithCancellationOnInboundClose { _ in
                let accepted = try await accept(chat, adapter, context)
                return try await whole(accepted)
            }
            response = Response(json)
            // The connection was read to its end to notice that.
            response.headers[.connection] = "close"
        }
        if !chat.ignored.isEmpty {
            response.headers[.ignoredKeys] = chat.ignored.map(\.onOneLine).joined(separator: ", ")
        }
        return response
    }

    private func accept(_ chat: ChatRequest, _ adapter: String?, _ context: ServiceContext) async throws -> Accepted {
        let id = "req-" + UUID().uuidString.lowercased()
        let pictures = try images(chat.pictures, id: id)
        let jobs = try chat.jobs(id: id, adapter: adapter, pictures: pictures, service: broker.service)
        let streams = try await broker.submit(jobs, timeout: .seconds(settings.requestSeconds))
        let completion = ChatCompletion(
            id: "chatcmpl-" + id.dropFirst(4), created: Int(Date().timeIntervalSince1970),
            model: chat.model ?? models.served, request: chat)
        return Accepted(completion: completion, jobs: jobs, streams: streams, start: context.start)
    }

    private func images(_ pictures: [ChatMessages.Picture], id: String) throws(APIError) -> [JobImage] {
        var (images, bytes): ([JobImage], Int) = ([], 0)
        for (index, picture) in pictures.enumerated() {
            guard case .bytes(let data) = picture else {
                throw APIError(
                    400, .invalidRequest, code: "url_not_allowed",
                    "this service fetches no pictures from addresses; send the picture itself as data:image/jpeg;base64,…",
                    parameter: "messages[0].content")
            }
            bytes += data.count
            images.append(
                JobImage(
                    name: "\(id)#\(index)", path: "\(id)#\(index)", size: Int64(data.count),
                    contentHash: ContentHash.hexadecimal(of: data), bytes: data))
        }
        guard bytes <= settings.limits.pictureBytes else {
            throw APIError(
                413, .invalidRequest, code: "request_too_large",
                "the pictures have \(bytes >> 20) MiB; at most \(settings.limits.pictureBytes >> 20) MiB are taken")
        }
        return images
    }

    // MARK: In one piece

    private func whole(_ accepted: Accepted) async throws -> JSON {
        try await withTaskCancellationHandler {
            var answers: [(jobID: String, answer: Answer)] = []
            for (id, stream) in zip(accepted.ids, accepted.streams) {
                answers.append((id, try await end(of: stream, accepted)))
            }
            return accepted.completion.whole(answers, seconds: accepted.seconds)
        } onCancel: {
            broker.cancel(accepted.ids)
        }
    }

    private func end(of stream: AsyncStream<RequestBroker.Event>, _ accepted: Accepted) async throws -> Answer {
        for await event in stream {
            switch event {
            case .progress: continue
            case .finished(let result): return try answer(of: result, accepted)
            case .expired: throw expired()
            }
        }
        // The stream of a canceled request ends without an answer.
        throw CancellationError()
    }

    private func expired() -> APIError {
        metrics.countFailure(code: "timeout")
        return drain.isDraining ? .draining : .timeout(seconds: settings.requestSeconds)
    }

    private func answer(of result: JobResult, _ accepted: Accepted) throws(APIError) -> Answer {
        switch result.outcome {
        case .answered(let answer):
            metrics.count(
                answer, promptTokens: AnswerExtras(answer).promptTokens, maximumTokens: accepted.jobs[0].maxTokens,
                seconds: accepted.seconds)
            return answer
        case .failed(let failure, _):
            metrics.countFailure(code: failure.code)
            throw APIError(failure)
        }
    }

    // MARK: In parts

    /// What a stream writes next.
    private enum Part: Sendable {
        case event(index: Int, RequestBroker.Event)
        case heartbeat
    }

    private func stream(_ accepted: Accepted) -> Response {
        let body = ResponseBody { writer in
            do {
                try await write(accepted, to: &writer)
            } catch let error as APIError {
                try await Self.send(error.json, to: &writer)
                try await Self.send("data: [DONE]\n\n", to: &writer)
            } catch {
                // The client is gone.
                broker.cancel(accepted.ids)
                throw error
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-cache", .acceptBuffering: "no"], body: body)
    }

    private func write(_ accepted: Accepted, to writer: inout any ResponseBodyWriter) async throws {
        let completion = accepted.completion
        for index in accepted.jobs.indices {
            try await Self.send(
                completion.chunk(
                    index: index, delta: .record(["role": .string("assistant"), "content": .string("")])), to: &writer)
        }
        var growing = accepted.jobs.map { _ in GrowingAnswer() }
        var answers: [Answer?] = accepted.jobs.map { _ in nil }
        var lastText: ContinuousClock.Instant?
        for await part in parts(of: accepted) {
            guard case .event(let index, let event) = part else {
                try await Self.send(": waiting\n\n", to: &writer)
                continue
            }
            var (addition, end): (GrowingAnswer.Addition?, String?) = (nil, nil)
            switch event {
            case .progress(let progress): addition = growing[index].take(progress)
            case .finished(let result):
                let answer = try answer(of: result, accepted)
                answers[index] = answer
                let logprobs = AnswerExtras(answer).logprobs(of: answer)
                guard let rest = growing[index].rest(of: answer.text, logprobs: logprobs) else {
                    throw APIError(
                        500, .server, code: "internal", "another answer came than the one that was begun; ask again")
                }
                addition = rest.text.isEmpty && rest.logprobs.isEmpty ? nil : rest
                end = ChatCompletion.finishReason(answer)
            case .expired: throw expired()
            }
            if let addition {
                count(&lastText, accepted)
                try await Self.send(
                    completion.chunk(
                        index: index, delta: .record(["content": .string(addition.text)]), logprobs: addition.logprobs),
                    to: &writer)
            }
            if let end {
                try await Self.send(
                    completion.chunk(index: index, delta: .object([]), finishReason: end), to: &writer)
            }
            if !answers.contains(where: { $0 == nil }) { break }
        }
        let whole = answers.compactMap(\.self)
        guard whole.count == answers.count else { throw CancellationError() }
        if completion.request.includesUsage { try await Self.send(completion.usageChunk(whole), to: &writer) }
        try await Self.send("data: [DONE]\n\n", to: &writer)
    }

    private func count(_ lastText: inout ContinuousClock.Instant?, _ accepted: Accepted) {
        let now = ContinuousClock.now
        if let last = lastText {
            let (seconds, attoseconds) = (now - last).components
            metrics.countToken(afterSeconds: Double(seconds) + Double(attoseconds) / 1e18)
        } else {
            metrics.countFirstToken(seconds: accepted.seconds)
        }
        lastText = now
    }

    /// Returns the events of all jobs as they come, with a heartbeat in between. It ends with the last job, or when nobody reads it
    /// any more.
    private func parts(of accepted: Accepted) -> AsyncStream<Part> {
        let (parts, continuation) = AsyncStream.makeStream(of: Part.self)
        let task = Task {
            await withTaskGroup(of: Void.self) { group in
                for (index, stream) in accepted.streams.enumerated() {
                    group.addTask { for await event in stream { continuation.yield(.event(index: index, event)) } }
                }
                let heartbeat = Task {
                    while !Task.isCancelled {
                        try? await Task.sleep(for: .seconds(Self.heartbeat))
                        if !Task.isCancelled { continuation.yield(.heartbeat) }
                    }
                }
                await group.waitForAll()
                heartbeat.cancel()
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        return parts
    }

    private static func send(_ json: JSON, to writer: inout any ResponseBodyWriter) async throws {
        try await writer.write(ByteBuffer(bytes: Array("data: ".utf8) + json.bytes + Array("\n\n".utf8)))
    }

    private static func send(_ text: String, to writer: inout any ResponseBodyWriter) async throws {
        try await writer.write(ByteBuffer(string: text))
    }
}
