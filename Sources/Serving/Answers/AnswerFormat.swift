import Base
import Queue

/// How answers are written for clients, in one piece or in parts.
protocol AnswerFormat: Sendable {
    /// Whether a stream ends with what it cost.
    var includesUsage: Bool { get }

    /// - Parameters:
    ///   - answers: In the order of the jobs.
    ///   - seconds: The time since the request came.
    func whole(_ answers: [ServedAnswer], seconds: Double) -> JSON

    /// What a stream begins with, for one of its answers; nil for nothing.
    func opening(index: Int) -> JSON?

    /// - Parameter offset: The characters of the answer before the text.
    func part(index: Int, text: String, logprobs: [TokenLogprob], offset: Int) -> JSON

    func end(index: Int, finishReason: String) -> JSON

    /// The last part of a stream that ends with what it cost.
    func usagePart(_ answers: [ServedAnswer]) -> JSON
}

extension Answer {
    /// Why the answer ended, in OpenAI's words.
    var openAIFinishReason: String { finishReason == .length ? "length" : "stop" }
}
