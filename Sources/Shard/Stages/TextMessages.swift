import PaliGemma
import Wire

extension Tokens.Result {
    /// The new tokens of a sequence, and at its end its answers.
    init(_ sequence: PaliGemma.Sequence, tokensBefore before: Int) {
        let top = sequence.topTokens.dropFirst(before).flatMap(\.self)
        self.init(
            sequenceID: sequence.id, tokens: Array(sequence.tokens[before...]),
            logprobs: Array(sequence.logProbabilities[before...]), status: Tokens.Status(sequence.finish),
            topTokens: top.map(\.token), topLogprobs: top.map(\.logProbability),
            answers: sequence.answers.map {
                Tokens.Answer(tokens: $0.tokens, logprobs: $0.logProbabilities, score: $0.score, isEnded: $0.isEnded)
            })
    }
}

extension Tokens.Status {
    fileprivate init(_ finish: PaliGemma.Sequence.Finish?) {
        switch finish {
        case nil: self = .unfinished
        case .stop: self = .stop
        case .length: self = .length
        case .repetition: self = .repetition
        case .damaged: self = .damaged
        }
    }
}
