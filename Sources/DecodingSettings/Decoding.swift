/// How the tokens of a sequence are chosen, and what is reported about them.
///
/// A new setting is a property here or in one of the structs beside it, with an entry in ``DecodingOptions/table``; a
/// field of the message `Decoding` in wire.proto, packed in Wire/Messages/Decoding.swift; and its use.
package struct Decoding: Sendable, Equatable {
    package enum Method: Sendable, Equatable {
        /// The most probable token at every step.
        case greedy
        case sampling(Sampling)
        case beams(BeamSettings)
        /// No answer is generated: these, as tokens without the end token, are scored.
        case choices([[Int32]])
    }

    /// The maximum number of rows of choices in one decode step; more wait for the next step.
    package static let maximumChoiceRows = 32

    /// The maximum number of tokens of all choices together: each can be a row of a decode step.
    package static let maximumChoiceTokens = 4096

    package var method: Method
    /// The number of most probable tokens that are reported for every token of an answer.
    package var topLogProbabilities: Int
    /// Nil where an answer may repeat itself.
    package var repetition: Repetition?
    /// What becomes of logits before a token is chosen. Choices are scored without.
    package var rules: LogitRules

    package init(
        method: Method = .greedy, topLogProbabilities: Int = 0, repetition: Repetition? = nil,
        rules: LogitRules = .none
    ) {
        self.method = method
        self.topLogProbabilities = topLogProbabilities
        self.repetition = repetition
        self.rules = rules
    }

    package static let greedy = Decoding()

    /// The maximum number of rows that the sequence has in a decode step.
    package var rows: Int {
        switch method {
        case .greedy, .sampling: 1
        case .beams(let beams): beams.count
        case .choices(let choices): min(choices.count, Self.maximumChoiceRows)
        }
    }

    /// Whether an answer has to be batch invariant: a sample becomes another one by a difference in a last bit. Such a
    /// sequence is prefilled alone.
    package var needsBatchInvariance: Bool {
        if case .sampling = method { true } else { false }
    }

    /// Returns the maximum number of tokens that are fed after the prefix on one path through the answers.
    package func longestAnswer(maxTokens: Int) -> Int {
        if case .choices(let choices) = method { return choices.map(\.count).max() ?? 0 }
        return maxTokens
    }
}
