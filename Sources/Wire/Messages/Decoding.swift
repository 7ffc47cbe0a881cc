import CWire
import DecodingSettings

extension Decoding {
    /// Returns the message `Decoding`. Greedy decoding sets none of its methods.
    func packed(in arena: Arena) -> UnsafeMutablePointer<Pg__Wire__Decoding> {
        let message = arena.make(pg__wire__decoding__init)
        switch method {
        case .greedy: break
        case .sampling(let sampling): message.pointee.sampling = sampling.packed(in: arena)
        case .beams(let beams): message.pointee.beams = beams.packed(in: arena)
        case .choices(let choices):
            message.pointee.n_choices = choices.count
            message.pointee.choices = arena.table(
                choices.map { tokens in
                    let part = arena.make(pg__wire__decoding__choice__init)
                    part.pointee.n_tokens = tokens.count
                    part.pointee.tokens = arena.copy(tokens)
                    return part
                })
        }
        message.pointee.top_logprobs = UInt32(clamping: topLogProbabilities)
        message.pointee.repeated_ngram = UInt32(clamping: repetition?.longest ?? 0)
        message.pointee.repeated_times = UInt32(clamping: repetition?.times ?? 0)
        return message
    }

    /// Reads the message `Decoding`.
    ///
    /// - Throws: `malformed` where it sets more than one method.
    init(_ message: Pg__Wire__Decoding) throws(WireError) {
        self.init(
            topLogProbabilities: Int(message.top_logprobs),
            repetition: message.repeated_ngram == 0
                ? nil : Repetition(longest: Int(message.repeated_ngram), times: Int(message.repeated_times)))
        switch (message.sampling, message.beams, message.n_choices) {
        case (nil, nil, 0): break
        case (let sampling?, nil, 0): method = .sampling(Sampling(sampling.pointee))
        case (nil, let beams?, 0): method = .beams(try BeamSettings(beams.pointee))
        case (nil, nil, _):
            method = .choices(
                try Unpacking.messages(message.choices, message.n_choices) {
                    Unpacking.array($0.tokens, $0.n_tokens)
                })
        default: throw .malformed(kind: .order, reason: "its decoding has more than one method")
        }
    }
}

extension Sampling {
    fileprivate func packed(in arena: Arena) -> UnsafeMutablePointer<Pg__Wire__Decoding__Sampling> {
        let message = arena.make(pg__wire__decoding__sampling__init)
        message.pointee.temperature = temperature
        message.pointee.top_k = UInt32(clamping: topK)
        message.pointee.top_p = topP
        message.pointee.seed = seed
        return message
    }

    fileprivate init(_ message: Pg__Wire__Decoding__Sampling) {
        self.init(
            temperature: message.temperature, topK: Int(message.top_k), topP: message.top_p, seed: message.seed)
    }
}

extension BeamSettings {
    fileprivate func packed(in arena: Arena) -> UnsafeMutablePointer<Pg__Wire__Decoding__Beams> {
        let message = arena.make(pg__wire__decoding__beams__init)
        message.pointee.count = UInt32(clamping: count)
        message.pointee.length_penalty = lengthPenalty
        message.pointee.early_stopping = earlyStopping.packed
        message.pointee.returned = UInt32(clamping: returned)
        return message
    }

    fileprivate init(_ message: Pg__Wire__Decoding__Beams) throws(WireError) {
        self.init(
            count: Int(message.count), lengthPenalty: message.length_penalty,
            earlyStopping: try EarlyStopping(message.early_stopping), returned: Int(message.returned))
    }
}

extension BeamSettings.EarlyStopping {
    fileprivate var packed: Pg__Wire__Decoding__EarlyStopping {
        switch self {
        case .no: PG__WIRE__DECODING__EARLY_STOPPING__NO
        case .yes: PG__WIRE__DECODING__EARLY_STOPPING__YES
        case .never: PG__WIRE__DECODING__EARLY_STOPPING__NEVER
        }
    }

    fileprivate init(_ message: Pg__Wire__Decoding__EarlyStopping) throws(WireError) {
        switch message {
        case PG__WIRE__DECODING__EARLY_STOPPING__NO: self = .no
        case PG__WIRE__DECODING__EARLY_STOPPING__YES: self = .yes
        case PG__WIRE__DECODING__EARLY_STOPPING__NEVER: self = .never
        default:
            throw .malformed(
                kind: .order, reason: "its field early_stopping has the unknown value \(message.rawValue)")
        }
    }
}
