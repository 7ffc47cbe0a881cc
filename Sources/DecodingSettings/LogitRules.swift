/// Changes of the logits of a row before a token is chosen, with the meaning that the settings have in transformers. They
/// act in the order of the properties. Log-probabilities of a result are those of the unchanged logits.
///
/// The ids that a rule looks at are all of the sequence: the image tokens, the prompt and the answer so far.
package struct LogitRules: Sendable, Equatable {
    /// A number that is added to the logit of a sequence's last token where the ids end with the tokens before it.
    package struct Bias: Sendable, Equatable {
        /// Not empty.
        package var tokens: [Int32]
        package var bias: Float

        package init(tokens: [Int32], bias: Float) {
            self.tokens = tokens
            self.bias = bias
        }
    }

    /// The logit of every end token grows with each token after the `start`-th, by its absolute value times
    /// factorⁿ − 1.
    package struct Decay: Sendable, Equatable {
        package var start: Int
        package var factor: Double

        package init(start: Int, factor: Double) {
            self.start = start
            self.factor = factor
        }
    }

    package var biases: [Bias] = []
    /// Logits of tokens among the ids are multiplied by it where they are negative, else divided. 1: no change.
    package var repetitionPenalty: Double = 1
    /// No n-gram of this length comes twice. 0: no rule.
    package var noRepeatNgram = 0
    /// Sequences of tokens that must not occur. One that is a single end token is no rule.
    package var badWords: [[Int32]] = []
    /// The answer does not end before there are so many ids, the prompt's included.
    package var minimumLength = 0
    /// The answer does not end before it has so many tokens.
    package var minimumNewTokens = 0
    /// The tokens one of which is the last that the answer may have, where it has not ended before.
    package var forcedEnd: [Int32] = []
    /// NaN becomes 0, and infinities the largest finite numbers.
    package var removesInvalid = false
    package var decay: Decay?
    /// Tokens that are never chosen.
    package var suppressed: [Int32] = []
    /// Tokens that are not chosen as the first of the answer.
    package var suppressedFirst: [Int32] = []
    /// Whether the scores of a beam search are normalized again after the rules.
    package var renormalizes = false

    package init() {}

    package static let none = LogitRules()

    /// Returns the first token of a sequence with a bias, or of a bad word, that a vocabulary does not have.
    package func token(outside vocabulary: Int) -> Int32? {
        (biases.map(\.tokens) + badWords).joined().first { $0 < 0 || Int($0) >= vocabulary }
    }
}
