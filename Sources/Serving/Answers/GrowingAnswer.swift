import Queue

/// The text of an answer that was already sent to a client. Parts may be missing, come twice (another world began again), or not
/// at all; what the client gets is the answer, once.
package struct GrowingAnswer {
    private var sent: [UInt8] = []
    private var sentTokens = 0

    package init() {}

    /// What is new in a part.
    package struct Addition: Sendable, Equatable {
        package var text: String
        package var logprobs: [TokenLogprob]

        package init(text: String, logprobs: [TokenLogprob]) {
            self.text = text
            self.logprobs = logprobs
        }
    }

    /// Takes a part; returns what is new in it, nil for nothing or where something before it is missing.
    package mutating func take(_ progress: AnswerProgress) -> Addition? {
        let bytes = Array(progress.text.utf8)
        guard progress.offset <= sent.count, progress.offset + bytes.count > sent.count else { return nil }
        let new = Array(bytes.dropFirst(sent.count - progress.offset))
        let isInOrder = progress.tokens - progress.logprobs.count == sentTokens
        guard isInOrder || progress.logprobs.isEmpty else { return nil }
        sent += new
        sentTokens = progress.tokens
        return Addition(text: String(decoding: new, as: UTF8.self), logprobs: progress.logprobs)
    }

    /// Returns what is left of the answer as the queue has it; nil where the client was sent something else.
    package mutating func rest(of text: String, logprobs: [TokenLogprob]) -> Addition? {
        let bytes = Array(text.utf8)
        guard bytes.starts(with: sent) else { return nil }
        let new = Array(bytes.dropFirst(sent.count))
        return Addition(
            text: String(decoding: new, as: UTF8.self),
            logprobs: Array(logprobs.dropFirst(min(sentTokens, logprobs.count))))
    }
}
