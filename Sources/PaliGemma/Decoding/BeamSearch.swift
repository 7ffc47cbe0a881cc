import DecodingSettings
import Foundation

/// Beam search over one sequence, as in transformers 4.50 and later. Every step continues each beam by its most probable
/// tokens; hypotheses that end are kept by their score; the search is over when no running beam is expected to become better
/// than these.
package struct BeamSearch {
    /// A running hypothesis.
    package struct Beam {
        package var tokens: [Int32] = []
        package var logProbabilities: [Float] = []
        /// Sum of the scores: of the log-probabilities, where the decoding has no rules.
        var sum: Float = 0
    }

    /// A beam extended by one token.
    private struct Continuation {
        let beam: Int
        let token: TokenProbability
        let sum: Float
        let stops: Bool
    }

    let settings: BeamSettings
    let maxTokens: Int
    /// Any of these ends an answer.
    let endTokens: [Int32]
    /// The running beams, the best first.
    package private(set) var running = [Beam()]
    /// The finished answers, the best first, at most as many as beams.
    package private(set) var finished: [ScoredAnswer] = []
    private var length = 0

    package init(_ settings: BeamSettings, maxTokens: Int, endTokens: [Int32]) {
        self.settings = settings
        self.maxTokens = maxTokens
        self.endTokens = endTokens
    }

    /// Number of most probable tokens that every step needs of each running beam: so many that as many as beams do not
    /// end.
    package var tokensOfBeam: Int { max(2, 1 + endTokens.count) * settings.count }

    /// Takes the most probable tokens of each running beam.
    ///
    /// - Returns: for each of the next beams the beam that it continues and its new token; nil at the end of the search.
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

    /// Returns the best continuations of all beams. On ties the earlier beam comes first, then the lower token.
    private func continuations(_ best: [[TokenProbability]]) -> ArraySlice<Continuation> {
        let all = zip(running.indices, best).flatMap { beam, tokens in
            tokens.map { token in
                Continuation(
                    beam: beam, token: token, sum: token.score + running[beam].sum,
                    stops: endTokens.contains(token.token) || length >= maxTokens)
            }
        }
        return all.sorted { a, b in
            if a.sum != b.sum { return a.sum > b.sum }
            return (a.beam, a.token.token) < (b.beam, b.token.token)
        }.prefix(tokensOfBeam)
    }

    private mutating func finish(_ ended: [Continuation]) {
        let new = ended.map { end in
            let (beam, isEnded) = (running[end.beam], endTokens.contains(end.token.token))
            return ScoredAnswer(
                tokens: isEnded ? beam.tokens : beam.tokens + [end.token.token],
                logProbabilities: isEnded
                    ? beam.logProbabilities : beam.logProbabilities + [end.token.logProbability],
                score: end.sum / penalty(length), isEnded: isEnded)
        }
        // The sort is stable: of equal answers the older stay first.
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
