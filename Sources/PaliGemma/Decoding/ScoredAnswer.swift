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
