/// How the tokens of a sequence are chosen, and what is told of them.
package struct Decoding: Sendable, Equatable {
    package enum Method: Sendable, Equatable {
        /// The most probable token at every step.
        case greedy
        case sampling(Sampling)
        case beams(BeamSettings)
        /// No answer is made: these, as tokens without the end token, are scored.
        case choices([[Int32]])
    }

    /// Rows of one step that scoring choices takes at most; more wait for the next.
    package static let choicesTogether = 32

    package var method: Method
    /// So many of the most probable tokens are told for every token of an answer.
    package var topLogProbabilities: Int
    package var repetition: Repetition?

    package init(method: Method = .greedy, topLogProbabilities: Int = 0, repetition: Repetition? = nil) {
        self.method = method
        self.topLogProbabilities = topLogProbabilities
        self.repetition = repetition
    }

    package static let greedy = Decoding()

    /// Rows that the sequence has in a decoding step, at most.
    package var rows: Int {
        switch method {
        case .greedy, .sampling: 1
        case .beams(let beams): beams.count
        case .choices(let choices): min(choices.count, Self.choicesTogether)
        }
    }

    /// Whether an answer has to be the same to the bit whatever the company: a draw makes another answer of a rounding.
    /// Such a sequence is prefilled alone.
    package var isSteady: Bool {
        if case .sampling = method { true } else { false }
    }

    /// Tokens that are fed after the prefix on one way through the answers, at most.
    package func longestAnswer(maxTokens: Int) -> Int {
        if case .choices(let choices) = method { return choices.map(\.count).max() ?? 0 }
        return maxTokens
    }

    /// Positions of keys and values that a sequence takes at most: the prefix once, and what follows it once a row, in
    /// whole pages and one for what is being copied.
    package func positions(prefixRows: Int, maxTokens: Int) -> Int {
        let longest = longestAnswer(maxTokens: maxTokens)
        switch method {
        case .greedy, .sampling: return prefixRows + longest
        case .beams, .choices:
            let pages = (longest + SequenceRow.pageRows - 1) / SequenceRow.pageRows + 1
            return prefixRows + rows * pages * SequenceRow.pageRows
        }
    }
}

/// Drawing tokens at random: logits are divided by the temperature, cut to the `topK` largest (0: all; ties with the
/// last stay), of these to the fewest that have the mass `topP` together, and one is drawn by what is left.
package struct Sampling: Sendable, Equatable {
    /// Above 0.
    package var temperature: Double
    package var topK: Int
    /// Above 0, at most 1.
    package var topP: Double
    /// With the step, all that the random numbers depend on.
    package var seed: UInt64

    package init(temperature: Double = 1, topK: Int = 0, topP: Double = 1, seed: UInt64 = 0) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
    }

    var isUncut: Bool { topK == 0 && topP >= 1 }
}

/// Beam search, with the meaning that the settings have in transformers.
package struct BeamSettings: Sendable, Equatable {
    package enum EarlyStopping: String, Sendable, CaseIterable {
        /// When no running beam seems to become better than the finished ones.
        case no = "false"
        /// As soon as there are as many finished answers as beams.
        case yes = "true"
        /// When no running beam can become better.
        case never
    }

    /// 2 to ``most``.
    package var count: Int
    package var lengthPenalty: Double
    package var earlyStopping: EarlyStopping
    /// Answers that are told, at most `count`.
    package var returned: Int

    package static let most = 16

    package init(count: Int, lengthPenalty: Double = 1, earlyStopping: EarlyStopping = .no, returned: Int = 1) {
        self.count = count
        self.lengthPenalty = lengthPenalty
        self.earlyStopping = earlyStopping
        self.returned = returned
    }
}

/// When an answer repeats itself: one n-gram, of up to `longest` tokens, `times` times in a row at its end.
package struct Repetition: Sendable, Equatable {
    package var longest: Int
    /// At least 2.
    package var times: Int

    package init(longest: Int, times: Int) {
        self.longest = longest
        self.times = times
    }

    package func isEnd(of tokens: [Int32]) -> Bool {
        (1...max(1, longest)).contains { length in
            guard length * times <= tokens.count else { return false }
            let end = tokens.count
            return (end - length * (times - 1)..<end).allSatisfy { tokens[$0] == tokens[$0 - length] }
        }
    }
}

/// A token and how probable it was.
package struct TokenProbability: Sendable, Equatable {
    package var token: Int32
    /// Natural logarithm, over the whole vocabulary.
    package var logProbability: Float

    package init(token: Int32, logProbability: Float) {
        self.token = token
        self.logProbability = logProbability
    }
}

/// One of several answers to a prompt.
package struct ScoredAnswer: Sendable, Equatable {
    /// Without the end token.
    package var tokens: [Int32]
    /// One a token.
    package var logProbabilities: [Float]
    /// What answers are ordered by: of a beam the sum of its log-probabilities by its length with the penalty, of a
    /// choice their sum; the end token's is in it.
    package var score: Float
    /// The end token follows.
    package var isEnded: Bool

    package init(tokens: [Int32], logProbabilities: [Float], score: Float, isEnded: Bool) {
        self.tokens = tokens
        self.logProbabilities = logProbabilities
        self.score = score
        self.isEnded = isEnded
    }
}
