import Base
import Foundation
import Queue

/// The answer to a request for a chat, as OpenAI's clients read it.
struct ChatCompletion: AnswerFormat {
    let id: String
    /// Seconds since 1970.
    let created: Int
    let model: String
    let request: ChatRequest

    var includesUsage: Bool { request.includesUsage }

    // MARK: In one piece

    func whole(_ answers: [ServedAnswer], seconds: Double) -> JSON {
        let choices = answers.enumerated().map { index, entry in
            JSON.record([
                "index": .integer(index),
                "message": .record([
                    "role": .string("assistant"), "content": .string(entry.answer.text), "refusal": .null,
                ]),
                "finish_reason": .string(entry.finishReason),
                "logprobs": request.wantsLogprobs ? Self.logprobs(entry.logprobs, top: request.topLogprobs) : .null,
            ])
        }
        return .record([
            "id": .string(id), "object": .string("chat.completion"), "created": .integer(created),
            "model": .string(model), "choices": .array(choices), "usage": Self.usage(answers),
            "paligemma": .object(details(answers, seconds: seconds)),
        ])
    }

    /// What other services do not have: the jobs, the boxes of each answer, the scores of beams and choices, times.
    private func details(_ answers: [ServedAnswer], seconds: Double) -> [JSON.Member] {
        var members: [JSON.Member] = [
            .init(key: "job", value: .string(answers.first?.jobID ?? "")),
            .init(key: "seconds", value: .seconds(seconds)),
        ]
        let computed = answers.map(\.answer.seconds).max() ?? 0
        members.append(.init(key: "queue_seconds", value: .seconds(max(0, seconds - computed))))
        if let first = answers.first { members += first.members }
        if answers.count > 1 {
            members.append(.init(key: "choices", value: .array(answers.map { .object($0.members) })))
        }
        return members
    }

    static func usage(_ answers: [ServedAnswer]) -> JSON {
        // The prompt is the same for all.
        let prompt = answers.first?.promptTokens ?? 0
        let completion = answers.reduce(0) { $0 + $1.answer.tokens.count }
        return .record([
            "prompt_tokens": .integer(prompt), "completion_tokens": .integer(completion),
            "total_tokens": .integer(prompt + completion),
            "prompt_tokens_details": .record(["image_tokens": .integer(answers.first?.imageTokens ?? 0)]),
        ])
    }

    static func logprobs(_ tokens: [TokenLogprob], top count: Int) -> JSON {
        func entry(_ token: TokenLogprob) -> [JSON.Member] {
            [
                .init(key: "token", value: .string(token.text)), .init(key: "logprob", value: .logprob(token.logprob)),
                .init(key: "bytes", value: .array(token.text.utf8.map { .integer($0) })),
            ]
        }
        let content = tokens.map { token in
            JSON.object(
                entry(token) + [
                    .init(key: "top_logprobs", value: .array(token.top.prefix(count).map { .object(entry($0)) }))
                ])
        }
        return .record(["content": .array(content), "refusal": .null])
    }

    // MARK: In parts

    func opening(index: Int) -> JSON? {
        chunk(index: index, delta: .record(["role": .string("assistant"), "content": .string("")]))
    }

    func part(index: Int, text: String, logprobs: [TokenLogprob], offset: Int) -> JSON {
        chunk(index: index, delta: .record(["content": .string(text)]), logprobs: logprobs)
    }

    func end(index: Int, finishReason: String) -> JSON {
        chunk(index: index, delta: .object([]), finishReason: finishReason)
    }

    func usagePart(_ answers: [ServedAnswer]) -> JSON { event(choices: [], usage: Self.usage(answers)) }

    /// - Parameters:
    ///   - delta: What is added to the message.
    ///   - logprobs: The tokens that came; nil for none.
    private func chunk(
        index: Int, delta: JSON, logprobs: [TokenLogprob]? = nil, finishReason: String? = nil
    ) -> JSON {
        let wanted = request.wantsLogprobs ? logprobs : nil
        let choice = JSON.record([
            "index": .integer(index), "delta": delta,
            "logprobs": wanted.map { Self.logprobs($0, top: request.topLogprobs) } ?? .null,
            "finish_reason": finishReason.map(JSON.string) ?? .null,
        ])
        return event(choices: [choice], usage: request.includesUsage ? .null : nil)
    }

    private func event(choices: [JSON], usage: JSON?) -> JSON {
        var members: [JSON.Member] = [
            .init(key: "id", value: .string(id)), .init(key: "object", value: .string("chat.completion.chunk")),
            .init(key: "created", value: .integer(created)), .init(key: "model", value: .string(model)),
            .init(key: "choices", value: .array(choices)),
        ]
        if let usage { members.append(.init(key: "usage", value: usage)) }
        return .object(members)
    }
}
