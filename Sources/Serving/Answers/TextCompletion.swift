import Base
import Queue

/// The answer to a request for completions.
struct TextCompletion: AnswerFormat {
    let id: String
    /// Seconds since 1970.
    let created: Int
    let model: String
    /// The number of most probable tokens that are shown at each token; nil for no probabilities.
    let logprobs: Int?
    let includesUsage: Bool

    func whole(_ answers: [ServedAnswer], seconds: Double) -> JSON {
        let choices = answers.enumerated().map { index, entry in
            choice(
                index: index, text: entry.answer.text, logprobs: entry.logprobs, offset: 0,
                finishReason: entry.finishReason)
        }
        return event(choices: choices, usage: usage(answers))
    }

    func opening(index: Int) -> JSON? { nil }

    func part(index: Int, text: String, logprobs: [TokenLogprob], offset: Int) -> JSON {
        event(
            choices: [choice(index: index, text: text, logprobs: logprobs, offset: offset, finishReason: nil)],
            usage: includesUsage ? .null : nil)
    }

    func end(index: Int, finishReason: String) -> JSON {
        event(
            choices: [choice(index: index, text: "", logprobs: [], offset: 0, finishReason: finishReason)],
            usage: includesUsage ? .null : nil)
    }

    private func usage(_ answers: [ServedAnswer]) -> JSON {
        let prompt = answers.reduce(0) { $0 + $1.promptTokens }
        let completion = answers.reduce(0) { $0 + $1.answer.tokens.count }
        return .record([
            "prompt_tokens": .integer(prompt), "completion_tokens": .integer(completion),
            "total_tokens": .integer(prompt + completion),
        ])
    }

    func usagePart(_ answers: [ServedAnswer]) -> JSON { event(choices: [], usage: usage(answers)) }

    private func event(choices: [JSON], usage: JSON?) -> JSON {
        var members: [JSON.Member] = [
            .init(key: "id", value: .string(id)), .init(key: "object", value: .string("text_completion")),
            .init(key: "created", value: .integer(created)), .init(key: "model", value: .string(model)),
            .init(key: "choices", value: .array(choices)),
        ]
        if let usage { members.append(.init(key: "usage", value: usage)) }
        return .object(members)
    }

    /// - Parameter offset: The characters of the answer before this text.
    private func choice(
        index: Int, text: String, logprobs tokens: [TokenLogprob], offset: Int, finishReason: String?
    ) -> JSON {
        .record([
            "text": .string(text), "index": .integer(index),
            "logprobs": logprobs.map { show(tokens, top: $0, offset: offset) } ?? .null,
            "finish_reason": finishReason.map(JSON.string) ?? .null,
        ])
    }

    private func show(_ tokens: [TokenLogprob], top count: Int, offset: Int) -> JSON {
        var (offsets, place): ([JSON], Int) = ([], offset)
        for token in tokens {
            offsets.append(.integer(place))
            place += token.text.unicodeScalars.count
        }
        let top = tokens.map { token in
            JSON.object(token.top.prefix(count).map { .init(key: $0.text, value: .logprob($0.logprob)) })
        }
        return .record([
            "tokens": .array(tokens.map { .string($0.text) }),
            "token_logprobs": .array(tokens.map { .logprob($0.logprob) }), "top_logprobs": .array(top),
            "text_offset": .array(offsets),
        ])
    }
}
