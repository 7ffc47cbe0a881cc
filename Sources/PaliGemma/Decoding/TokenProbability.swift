/// A token and how probable it was.
package struct TokenProbability: Sendable, Equatable {
    package var token: Int32
    /// Natural logarithm, over the whole vocabulary.
    package var logProbability: Float
    /// What a beam search adds up: the log-probability, changed by the rules of the decoding.
    package var score: Float

    package init(token: Int32, logProbability: Float, score: Float? = nil) {
        self.token = token
        self.logProbability = logProbability
        self.score = score ?? logProbability
    }
}
