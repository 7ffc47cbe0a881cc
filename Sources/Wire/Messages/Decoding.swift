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
            message.pointee.choices = arena.table(choices.map { packedTokens($0, in: arena) })
        }
        message.pointee.top_logprobs = UInt32(clamping: topLogProbabilities)
        message.pointee.repeated_ngram = UInt32(clamping: repetition?.longest ?? 0)
        message.pointee.repeated_times = UInt32(clamping: repetition?.times ?? 0)
        if rules != .none { message.pointee.rules = rules.packed(in: arena) }
        return message
    }

    /// Reads the message `Decoding`.
    ///
    /// - Throws: `malformed` where it sets more than one method.
    init(_ message: Pg__Wire__Decoding) throws(WireError) {
        self.init(
            topLogProbabilities: Int(message.top_logprobs),
            repetition: message.repeated_ngram == 0
                ? nil : Repetition(longest: Int(message.repeated_ngram), times: Int(message.repeated_times)),
            rules: try message.rules.map { rules throws(WireError) in try LogitRules(rules.pointee) } ?? .none)
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

/// Returns the message `Choice`: a list of tokens.
private func packedTokens(_ tokens: [Int32], in arena: Arena) -> UnsafeMutablePointer<Pg__Wire__Decoding__Choice> {
    let message = arena.make(pg__wire__decoding__choice__init)
    message.pointee.n_tokens = tokens.count
    message.pointee.tokens = arena.copy(tokens)
    return message
}

extension LogitRules {
    fileprivate func packed(in arena: Arena) -> UnsafeMutablePointer<Pg__Wire__Decoding__Rules> {
        let message = arena.make(pg__wire__decoding__rules__init)
        message.pointee.n_biases = biases.count
        message.pointee.biases = arena.table(
            biases.map { bias in
                let part = arena.make(pg__wire__decoding__rules__bias__init)
                part.pointee.n_tokens = bias.tokens.count
                part.pointee.tokens = arena.copy(bias.tokens)
                part.pointee.bias = bias.bias
                return part
            })
        message.pointee.repetition_penalty = repetitionPenalty
        message.pointee.no_repeat_ngram = UInt32(clamping: noRepeatNgram)
        message.pointee.n_bad_words = badWords.count
        message.pointee.bad_words = arena.table(badWords.map { packedTokens($0, in: arena) })
        message.pointee.minimum_length = UInt32(clamping: minimumLength)
        message.pointee.minimum_new_tokens = UInt32(clamping: minimumNewTokens)
        message.pointee.n_forced_end = forcedEnd.count
        message.pointee.forced_end = arena.copy(forcedEnd)
        message.pointee.removes_invalid = removesInvalid ? 1 : 0
        message.pointee.decay_start = UInt32(clamping: decay?.start ?? 0)
        message.pointee.decay_factor = decay?.factor ?? 0
        message.pointee.n_suppressed = suppressed.count
        message.pointee.suppressed = arena.copy(suppressed)
        message.pointee.n_suppressed_first = suppressedFirst.count
        message.pointee.suppressed_first = arena.copy(suppressedFirst)
        message.pointee.renormalizes = renormalizes ? 1 : 0
        return message
    }

    /// Reads the message `Rules`.
    ///
    /// - Throws: `malformed` for a list of tokens that is empty.
    fileprivate init(_ message: Pg__Wire__Decoding__Rules) throws(WireError) {
        self.init()
        biases = try Unpacking.messages(message.biases, message.n_biases) {
            Bias(tokens: Unpacking.array($0.tokens, $0.n_tokens), bias: $0.bias)
        }
        repetitionPenalty = message.repetition_penalty
        noRepeatNgram = Int(message.no_repeat_ngram)
        badWords = try Unpacking.messages(message.bad_words, message.n_bad_words) {
            Unpacking.array($0.tokens, $0.n_tokens)
        }
        minimumLength = Int(message.minimum_length)
        minimumNewTokens = Int(message.minimum_new_tokens)
        forcedEnd = Unpacking.array(message.forced_end, message.n_forced_end)
        removesInvalid = message.removes_invalid != 0
        if message.decay_factor > 0 {
            decay = Decay(start: Int(message.decay_start), factor: message.decay_factor)
        }
        suppressed = Unpacking.array(message.suppressed, message.n_suppressed)
        suppressedFirst = Unpacking.array(message.suppressed_first, message.n_suppressed_first)
        renormalizes = message.renormalizes != 0
        guard !biases.contains(where: \.tokens.isEmpty), !badWords.contains(where: \.isEmpty) else {
            throw .malformed(kind: .order, reason: "its rules hold an empty list of tokens")
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
        message.pointee.min_p = minP
        return message
    }

    fileprivate init(_ message: Pg__Wire__Decoding__Sampling) {
        self.init(
            temperature: message.temperature, topK: Int(message.top_k), topP: message.top_p, minP: message.min_p,
            seed: message.seed)
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
