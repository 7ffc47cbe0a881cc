import DecodingSettings
import Foundation

/// Beam search over one sequence, as transformers does it since 4.50: every step continues the beams by their best
/// tokens, those that end are kept aside by their score, and it is over when no beam seems to become better than these.
package struct BeamSearch {
    package struct Beam {
        package var tokens: [Int32] = []
        package var logProbabilities: [Float] = []
        /// Sum of the log-probabilities.
        var sum: Float = 0
    }

    /// A beam with one more token.
    private struct Continuation {
        let beam: Int
        let token: TokenProbability
        let sum: Float
        let stops: Bool
    }

    let settings: BeamSettings
    let maxTokens: Int
    let endToken: Int32
    /// Best first.
    package private(set) var running = [Beam()]
    /// Best first, at most as many as beams.
    package private(set) var finished: [ScoredAnswer] = []
    private var length = 0

    package init(_ settings: BeamSettings, maxTokens: Int, endToken: Int32) {
        self.settings = settings
        self.maxTokens = maxTokens
        self.endToken = endToken
    }

    /// Tokens that are to be known of every running beam: half of them may end it.
    package var tokensOfBeam: Int { 2 * settings.count }

    /// Takes each running beam's best tokens.
    ///
    /// - Returns: which beam each of the next ones continues, and with what; nil at the end.
    package mutating func advance(_ best: [[TokenProbability]]) -> [(parent: Int, token: Int32)]? {
        length += 1
        let continuations = continuations(best)
        finish(continuations.prefix(settings.count).filter(\.stops))
        let next = continuations.filter { !$0.stops }.prefix(settings.count)
        running = next.map { next in
            var beam = running[next.beam]
            beam.tokens.append(next.token.token)
            beam.logProbabilities.append(next.token.logProbability)
            beam.sum = next.sum
            return beam
        }
        return isOver ? nil : next.map { (parent: $0.beam, token: $0.token.token) }
    }

    /// The best of all beams; the first beam's and the lower token's on ties.
    private func continuations(_ best: [[TokenProbability]]) -> ArraySlice<Continuation> {
        let all = zip(running.indices, best).flatMap { beam, tokens in
            tokens.map { token in
                Continuation(
                    beam: beam, token: token, sum: token.logProbability + running[beam].sum,
                    stops: token.token == endToken || length >= maxTokens)
            }
        }
        return all.sorted { a, b in
            if a.sum != b.sum { return a.sum > b.sum }
            return (a.beam, a.token.token) < (b.beam, b.token.token)
        }.prefix(2 * settings.count)
    }

    private mutating func finish(_ ended: [Continuation]) {
        let new = ended.map { end in
            let (beam, isEnded) = (running[end.beam], end.token.token == endToken)
            return ScoredAnswer(
                tokens: isEnded ? beam.tokens : beam.tokens + [end.token.token],
                logProbabilities: isEnded
                    ? beam.logProbabilities : beam.logProbabilities + [end.token.logProbability],
                score: end.sum / penalty(length), isEnded: isEnded)
        }
        // Stable: the older of equal ones stay in front.
        let merged = (finished + new).enumerated().sorted { a, b in
            a.element.score != b.element.score ? a.element.score > b.element.score : a.offset < b.offset
        }
        finished = merged.prefix(settings.count).map(\.element)
    }

    private func penalty(_ length: Int) -> Float { Float(pow(Double(length), settings.lengthPenalty)) }

    private var isOver: Bool {
        guard length < maxTokens, let best = running.first else { return true }
        guard finished.count == settings.count, let worst = finished.last else { return false }
        if settings.earlyStopping == .yes { return true }
        let longest = settings.earlyStopping == .never && settings.lengthPenalty > 0 ? maxTokens : length
        return best.sum / penalty(longest) <= worst.score
    }
}
