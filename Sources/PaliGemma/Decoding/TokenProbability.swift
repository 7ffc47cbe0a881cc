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
