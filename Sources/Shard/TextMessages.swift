import PaliGemma
import Wire

extension Decoding {
    init(_ message: Order.Decoding) {
        self.init(
            topLogProbabilities: Int(message.topLogprobs),
            repetition: message.repeatedNgram == 0
                ? nil : Repetition(longest: Int(message.repeatedNgram), times: Int(message.repeatedTimes)))
        if let sampling = message.sampling {
            method = .sampling(
                Sampling(
                    temperature: sampling.temperature, topK: Int(sampling.topK), topP: sampling.topP,
                    seed: sampling.seed))
        } else if let beams = message.beams {
            method = .beams(
                BeamSettings(
                    count: Int(beams.count), lengthPenalty: beams.lengthPenalty,
                    earlyStopping: BeamSettings.EarlyStopping(beams.earlyStopping), returned: Int(beams.returned)))
        } else if !message.choices.isEmpty {
            method = .choices(message.choices)
        }
    }
}

extension BeamSettings.EarlyStopping {
    fileprivate init(_ message: Order.Decoding.EarlyStopping) {
        switch message {
        case .no: self = .no
        case .yes: self = .yes
        case .never: self = .never
        }
    }
}

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
