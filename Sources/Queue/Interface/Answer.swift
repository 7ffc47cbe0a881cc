/// Why an answer ended, as the results report it.
package enum FinishReason: String, Sendable {
    /// The end-of-sequence token or one of the job's `stop` texts came.
    case stop
    case length
    case repetition
}

/// A model's answer to a job.
package struct Answer: Sendable, Equatable {
    package var text: String
    /// Without the end-of-sequence token.
    package var tokens: [Int32]
    /// Natural logarithms of the probabilities, one per token.
    package var logprobs: [Float]
    package var finishReason: FinishReason
    /// The time from the lease to the last token.
    package var seconds: Double
    /// What else the results report about it, as a JSON object (``AnswerDetails``); nil for nothing.
    package var details: String?

    package init(
        text: String, tokens: [Int32], logprobs: [Float], finishReason: FinishReason, seconds: Double,
        details: String? = nil
    ) {
        self.details = details
        self.text = text
        self.tokens = tokens
        self.logprobs = logprobs
        self.finishReason = finishReason
        self.seconds = seconds
    }
}
