import DecodingSettings
import Foundation

/// Samples a token from the logits of a row, of which all or only the largest are known.
///
/// The cumulative distribution runs over the tokens in the order of their ids. Ordered by probability instead, two tokens
/// of nearly the same probability would change places with a rounding.
package struct Sampler: Sendable {
    let settings: Sampling
    /// A random number of [0, 1).
    let uniform: Double
    /// The largest of all logits.
    let maximum: Float
    /// Sum over all tokens of ``weight(_:)``.
    let total: Double

    package init(settings: Sampling, uniform: Double, maximum: Float, total: Double) {
        self.settings = settings
        self.uniform = uniform
        self.maximum = maximum
        self.total = total
    }

    /// Returns exp((logit − maximum) / temperature), a probability that is not normalized.
    func weight(_ logit: Float) -> Double { exp(Double(logit - maximum) / settings.temperature) }

    /// Returns whether a token has the probability that `minP` asks for.
    private func isProbable(_ entry: TokenLogit) -> Bool { settings.minP == 0 || weight(entry.logit) >= settings.minP }

    /// Returns the sampled token, or nil where more logits have to be known.
    ///
    /// - Parameters:
    ///   - sorted: the first tokens by ``TokenLogit/comesFirst(_:_:)``.
    ///   - bound: an upper bound of the logits that are not in `sorted`; nil where all are.
    package func sample(_ sorted: [TokenLogit], bound: Float?) -> TokenLogit? {
        guard var kept = largest(sorted, bound: bound) else { return nil }
        let mass = settings.topK > 0 ? kept.reduce(0) { $0 + weight($1.logit) } : total
        if settings.topP < 1 {
            guard let count = countWithMass(settings.topP * mass, kept, bound: settings.topK > 0 ? nil : bound) else {
                return nil
            }
            kept = kept.prefix(count)
        } else if settings.topK == 0, let bound {
            guard settings.minP > 0, weight(bound) < settings.minP else { return nil }
        }
        return pick(kept.filter { isProbable($0) }.sorted { $0.token < $1.token })
    }

    /// Returns the token that is sampled from all logits. Instead of sorting a large vocabulary it finds the last token that
    /// top-k or top-p keeps by quickselect.
    ///
    /// - Parameter logits: [V] float32, in the order of the ids.
    package func sample(_ logits: UnsafeBufferPointer<Float>) -> TokenLogit? {
        var kept = logits.enumerated().compactMap { token, logit in
            logit.isNaN ? nil : TokenLogit(token: Int32(token), logit: logit)
        }
        if settings.topK > 0, settings.topK < kept.count {
            let last = Self.last(of: kept, amount: Double(settings.topK)) { _ in 1 }
            kept = kept.filter { $0.logit >= last.logit }
        }
        if settings.topP < 1, !kept.isEmpty {
            let mass = settings.topK > 0 ? kept.reduce(0) { $0 + weight($1.logit) } : total
            let last = Self.last(of: kept, amount: settings.topP * mass) { weight($0.logit) }
            kept = kept.filter { !TokenLogit.comesFirst(last, $0) }
        }
        return pick(kept.filter(isProbable))
    }

    /// Returns the token with which the sum of weights, the largest logits first, reaches an amount; the last token where the
    /// sum of all does not.
    private static func last(
        of tokens: [TokenLogit], amount: Double, _ weight: (TokenLogit) -> Double
    ) -> TokenLogit {
        var (pool, left) = (tokens, amount)
        while pool.count > 1 {
            let ends = [pool[0], pool[pool.count / 2], pool[pool.count - 1]].sorted(by: TokenLogit.comesFirst)
            var (front, back): ([TokenLogit], [TokenLogit]) = ([], [])
            var mass = 0.0
            // Tokens after the middle one go to the back. The back is never the whole pool, so the loop ends.
            for token in pool {
                if TokenLogit.comesFirst(ends[1], token) {
                    back.append(token)
                } else {
                    front.append(token)
                    mass += weight(token)
                }
            }
            if mass >= left || back.isEmpty {
                if back.isEmpty {
                    // The middle one is the last of the pool: compare the others without it.
                    front.removeAll { $0 == ends[1] }
                    let others = front.reduce(0) { $0 + weight($1) }
                    if others < left || front.isEmpty { return ends[1] }
                }
                pool = front
            } else {
                left -= mass
                pool = back
            }
        }
        return pool[0]
    }

    /// Returns the tokens that top-k keeps, or nil where more logits have to be known.
    private func largest(_ sorted: [TokenLogit], bound: Float?) -> ArraySlice<TokenLogit>? {
        guard settings.topK > 0 else { return sorted[...] }
        guard settings.topK <= sorted.count else { return bound == nil ? sorted[...] : nil }
        let last = sorted[settings.topK - 1].logit
        if let bound, last <= bound { return nil }
        return sorted.prefix { $0.logit >= last }
    }

    /// Returns the smallest number of first tokens whose probabilities sum to at least `wanted`, or nil where more logits have
    /// to be known.
    private func countWithMass(_ wanted: Double, _ sorted: ArraySlice<TokenLogit>, bound: Float?) -> Int? {
        var mass = 0.0
        for (count, entry) in sorted.enumerated() {
            if count > 0, mass >= wanted { return count }
            if let bound, entry.logit <= bound { return nil }
            mass += weight(entry.logit)
        }
        return bound == nil || mass >= wanted ? sorted.count : nil
    }

    /// Returns the token at which the cumulative distribution passes the random number.
    private func pick(_ kept: [TokenLogit]) -> TokenLogit? {
        let mass = kept.reduce(0) { $0 + weight($1.logit) }
        var passed = 0.0
        for entry in kept {
            passed += weight(entry.logit)
            if passed > uniform * mass { return entry }
        }
        return kept.last
    }
}
