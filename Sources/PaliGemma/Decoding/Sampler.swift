import DecodingSettings
import Foundation

/// Draws a token from a row's logits, of which all are known or only the largest.
///
/// The order in which the tokens are laid side by side for a draw is that of their ids: two tokens of nearly the same
/// probability, whose order by it rests on a rounding, have fixed places.
package struct Sampler: Sendable {
    let settings: Sampling
    /// Of [0, 1).
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

    /// exp((logit − maximum) / temperature)
    func weight(_ logit: Float) -> Double { exp(Double(logit - maximum) / settings.temperature) }

    /// The token that is drawn, or nil where more logits have to be known.
    ///
    /// - Parameters:
    ///   - sorted: the first of all tokens by ``TokenLogit/comesFirst(_:_:)``.
    ///   - bound: what is not in `sorted` is not above it; nil where everything is.
    package func draw(_ sorted: [TokenLogit], bound: Float?) -> TokenLogit? {
        guard var kept = largest(sorted, bound: bound) else { return nil }
        let mass = settings.topK > 0 ? kept.reduce(0) { $0 + weight($1.logit) } : total
        if settings.topP < 1 {
            guard let count = countWithMass(settings.topP * mass, kept, bound: settings.topK > 0 ? nil : bound) else {
                return nil
            }
            kept = kept.prefix(count)
        } else if settings.topK == 0, bound != nil {
            return nil
        }
        return pick(kept.sorted { $0.token < $1.token })
    }

    /// The token that is drawn of all, without the sorting of a large vocabulary: the last one that stays is found by
    /// halves.
    ///
    /// - Parameter logits: of every token, in the order of their ids.
    package func draw(_ logits: UnsafeBufferPointer<Float>) -> TokenLogit? {
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
        return pick(kept)
    }

    /// Of some tokens, largest first, the one with which a sum of weights reaches an amount; the last where none does.
    private static func last(
        of tokens: [TokenLogit], amount: Double, _ weight: (TokenLogit) -> Double
    ) -> TokenLogit {
        var (pool, left) = (tokens, amount)
        while pool.count > 1 {
            let ends = [pool[0], pool[pool.count / 2], pool[pool.count - 1]].sorted(by: TokenLogit.comesFirst)
            var (front, back): ([TokenLogit], [TokenLogit]) = ([], [])
            var mass = 0.0
            // What comes behind the middle one is the back; never all, so that it ends.
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
                    // The middle one is the last: it alone against the others.
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

    /// Those that top-k leaves.
    private func largest(_ sorted: [TokenLogit], bound: Float?) -> ArraySlice<TokenLogit>? {
        guard settings.topK > 0 else { return sorted[...] }
        guard settings.topK <= sorted.count else { return bound == nil ? sorted[...] : nil }
        let last = sorted[settings.topK - 1].logit
        if let bound, last <= bound { return nil }
        return sorted.prefix { $0.logit >= last }
    }

    /// How many of the first have a mass together: before the last one it is not reached.
    private func countWithMass(_ wanted: Double, _ sorted: ArraySlice<TokenLogit>, bound: Float?) -> Int? {
        var mass = 0.0
        for (count, entry) in sorted.enumerated() {
            if count > 0, mass >= wanted { return count }
            if let bound, entry.logit <= bound { return nil }
            mass += weight(entry.logit)
        }
        return bound == nil || mass >= wanted ? sorted.count : nil
    }

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
