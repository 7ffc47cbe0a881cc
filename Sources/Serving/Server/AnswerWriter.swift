import Base
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Queue

/// Jobs of one request that are in the queue, and how their answers are written.
struct AcceptedRequest: Sendable {
    let format: any AnswerFormat
    /// The ids of the jobs. Their pictures are in the queue, and are not kept here too.
    let ids: [String]
    let maxTokens: Int
    let streams: [AsyncStream<RequestBroker.Event>]
    /// When the request came.
    let start: ContinuousClock.Instant

    /// Seconds since the request came.
    var seconds: Double { (ContinuousClock.now - start).inSeconds }
}

/// Waits for the answers of a request and writes them.
struct AnswerWriter: Sendable {
    let settings: ServiceSettings
    let broker: RequestBroker
    let metrics: ServiceMetrics
    let drain: DrainState

    /// How often a client that waits is told that it waits, in seconds.
    private static let heartbeat = 5.0

    // MARK: In one piece

    /// - Throws: ``APIError`` for the first job that failed.
    func whole(_ accepted: AcceptedRequest) async throws -> JSON {
        try await withTaskCancellationHandler {
            var answers: [ServedAnswer] = []
            for stream in accepted.streams { answers.append(try await end(of: stream, accepted)) }
            return accepted.format.whole(answers, seconds: accepted.seconds)
        } onCancel: {
            broker.cancel(accepted.ids)
        }
    }

    private func end(
        of stream: AsyncStream<RequestBroker.Event>, _ accepted: AcceptedRequest
    ) async throws -> ServedAnswer {
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

    private func answer(of result: JobResult, _ accepted: AcceptedRequest) throws(APIError) -> ServedAnswer {
        switch result.outcome {
        case .answered(let answer):
            let served = ServedAnswer(jobID: result.id, answer)
            metrics.count(
                answer, promptTokens: served.promptTokens, maximumTokens: accepted.maxTokens,
                seconds: accepted.seconds)
            return served
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

    func stream(_ accepted: AcceptedRequest) -> Response {
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

    private func write(_ accepted: AcceptedRequest, to writer: inout any ResponseBodyWriter) async throws {
        let format = accepted.format
        for index in accepted.ids.indices {
            if let opening = format.opening(index: index) { try await Self.send(opening, to: &writer) }
        }
        var growing = accepted.ids.map { _ in GrowingAnswer() }
        var answers: [ServedAnswer?] = accepted.ids.map { _ in nil }
        var lastText: ContinuousClock.Instant?
        var characters = accepted.ids.map { _ in 0 }
        for await part in parts(of: accepted) {
            guard case .event(let index, let event) = part else {
                try await Self.send(": waiting\n\n", to: &writer)
                continue
            }
            var (addition, end): (GrowingAnswer.Addition?, String?) = (nil, nil)
            switch event {
            case .progress(let progress): addition = growing[index].take(progress)
            case .finished(let result):
                let served = try answer(of: result, accepted)
                answers[index] = served
                guard let rest = growing[index].rest(of: served.answer.text, logprobs: served.logprobs) else {
                    throw APIError(
                        500, .server, code: "internal", "another answer came than the one that was begun; ask again")
                }
                addition = rest.text.isEmpty && rest.logprobs.isEmpty ? nil : rest
                end = served.finishReason
            case .expired: throw expired()
            }
            if let addition {
                count(&lastText, accepted)
                try await Self.send(
                    format.part(
                        index: index, text: addition.text, logprobs: addition.logprobs, offset: characters[index]),
                    to: &writer)
                characters[index] += addition.text.unicodeScalars.count
            }
            if let end { try await Self.send(format.end(index: index, finishReason: end), to: &writer) }
            if !answers.contains(where: { $0 == nil }) { break }
        }
        let whole = answers.compactMap(\.self)
        guard whole.count == answers.count else { throw CancellationError() }
        if format.includesUsage { try await Self.send(format.usagePart(whole), to: &writer) }
        try await Self.send("data: [DONE]\n\n", to: &writer)
    }

    private func count(_ lastText: inout ContinuousClock.Instant?, _ accepted: AcceptedRequest) {
        let now = ContinuousClock.now
        if let last = lastText {
            metrics.countToken(afterSeconds: (now - last).inSeconds)
        } else {
            metrics.countFirstToken(seconds: accepted.seconds)
        }
        lastText = now
    }

    /// Returns the events of all jobs as they come, with a heartbeat in between. It ends with the last job, or when nobody reads it
    /// any more.
    private func parts(of accepted: AcceptedRequest) -> AsyncStream<Part> {
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
