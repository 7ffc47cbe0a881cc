import Base
import Queue

/// An answer to a request, with what its details say to a service.
struct ServedAnswer: Sendable {
    let jobID: String
    let answer: Answer
    private let details: JSON?

    init(jobID: String, _ answer: Answer) {
        (self.jobID, self.answer) = (jobID, answer)
        details = answer.details.flatMap { try? JSON(parsing: $0) }
    }

    /// Why it ended, in OpenAI's words.
    var finishReason: String { answer.openAIFinishReason }

    var promptTokens: Int { details?["prompt_tokens"]?.integer ?? 0 }
    var imageTokens: Int { details?["image_tokens"]?.integer ?? 0 }

    /// What the results of a job have beside its text.
    var members: [JSON.Member] {
        let hidden: Set<String> = ["prompt_tokens", "image_tokens", "token_texts", "top_logprobs"]
        return (details?.object ?? []).filter { !hidden.contains($0.key) }
    }

    /// The tokens of the answer with their texts and those in their places.
    var logprobs: [TokenLogprob] {
        let texts = details?["token_texts"]?.array?.compactMap(\.string) ?? []
        let top = details?["top_logprobs"]?.array ?? []
        return answer.logprobs.enumerated().map { index, logprob in
            let alternatives = index < top.count ? top[index].array ?? [] : []
            return TokenLogprob(
                text: index < texts.count ? texts[index] : "", logprob: logprob,
                top: alternatives.compactMap { token in
                    guard let text = token["text"]?.string, case .number(let number)? = token["logprob"],
                        let logprob = Float(number)
                    else { return nil }
                    return TokenLogprob(text: text, logprob: logprob)
                })
        }
    }
}
