import PaliGemma
import Wire

extension Order.Decoding {
    /// As it goes to the Gemma ranks.
    init(_ decoding: PaliGemma.Decoding) {
        self.init(
            topLogprobs: UInt32(decoding.topLogProbabilities),
            repeatedNgram: UInt32(decoding.repetition?.longest ?? 0),
            repeatedTimes: UInt32(decoding.repetition?.times ?? 0))
        switch decoding.method {
        case .greedy: break
        case .sampling(let sampling):
            self.sampling = Sampling(
                temperature: sampling.temperature, topK: UInt32(sampling.topK), topP: sampling.topP,
                seed: sampling.seed)
        case .beams(let beams):
            self.beams = Beams(
                count: UInt32(beams.count), lengthPenalty: beams.lengthPenalty,
                earlyStopping: Order.Decoding.EarlyStopping(beams.earlyStopping), returned: UInt32(beams.returned))
        case .choices(let choices): self.choices = choices
        }
    }
}

extension Order.Decoding.EarlyStopping {
    fileprivate init(_ setting: BeamSettings.EarlyStopping) {
        switch setting {
        case .no: self = .no
        case .yes: self = .yes
        case .never: self = .never
        }
    }
}
