/// Random decoding: logits are divided by the temperature, cut to the `topK` largest (0: all; ties with the last stay),
/// of these to the fewest that have the probability `topP` together, then to those that have `minP` of the largest one's,
/// and one is sampled by what is left.
package struct Sampling: Sendable, Equatable {
    /// Above 0.
    package var temperature: Double
    package var topK: Int
    /// Above 0, at most 1.
    package var topP: Double
    /// 0 to 1. Tokens are cut whose probability is below this part of the largest.
    package var minP: Double
    /// Together with the step, all that the random numbers depend on.
    package var seed: UInt64

    package init(temperature: Double = 1, topK: Int = 0, topP: Double = 1, minP: Double = 0, seed: UInt64 = 0) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.seed = seed
    }

    /// Whether every token can be sampled.
    package var isUncut: Bool { topK == 0 && topP >= 1 && minP == 0 }
}
