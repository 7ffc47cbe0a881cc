import CWire

extension Order {
    /// How a sequence's tokens are chosen. With nothing set: the most probable ones.
    package struct Decoding: Sendable, Equatable {
        package enum EarlyStopping: UInt32, Sendable, CaseIterable {
            case no = 1
            case yes = 2
            case never = 3
        }

        package struct Sampling: Sendable, Equatable {
            package var temperature: Double
            /// 0: all.
            package var topK: UInt32
            package var topP: Double
            package var seed: UInt64

            package init(temperature: Double, topK: UInt32, topP: Double, seed: UInt64) {
                self.temperature = temperature
                self.topK = topK
                self.topP = topP
                self.seed = seed
            }
        }

        package struct Beams: Sendable, Equatable {
            package var count: UInt32
            package var lengthPenalty: Double
            package var earlyStopping: EarlyStopping
            package var returned: UInt32

            package init(count: UInt32, lengthPenalty: Double, earlyStopping: EarlyStopping, returned: UInt32) {
                self.count = count
                self.lengthPenalty = lengthPenalty
                self.earlyStopping = earlyStopping
                self.returned = returned
            }
        }

        package var sampling: Sampling?
        package var beams: Beams?
        /// Tokens of each.
        package var choices: [[Int32]]
        /// Of every token of the answer.
        package var topLogprobs: UInt32
        /// Tokens at most; 0: an answer may repeat itself.
        package var repeatedNgram: UInt32
        package var repeatedTimes: UInt32

        package init(
            sampling: Sampling? = nil, beams: Beams? = nil, choices: [[Int32]] = [], topLogprobs: UInt32 = 0,
            repeatedNgram: UInt32 = 0, repeatedTimes: UInt32 = 0
        ) {
            self.sampling = sampling
            self.beams = beams
            self.choices = choices
            self.topLogprobs = topLogprobs
            self.repeatedNgram = repeatedNgram
            self.repeatedTimes = repeatedTimes
        }

        func packed(in arena: Arena) -> UnsafeMutablePointer<Pg__Wire__Decoding> {
            let message = arena.make(pg__wire__decoding__init)
            message.pointee.sampling = sampling.map { sampling in
                let part = arena.make(pg__wire__decoding__sampling__init)
                part.pointee.temperature = sampling.temperature
                part.pointee.top_k = sampling.topK
                part.pointee.top_p = sampling.topP
                part.pointee.seed = sampling.seed
                return part
            }
            message.pointee.beams = beams.map { beams in
                let part = arena.make(pg__wire__decoding__beams__init)
                part.pointee.count = beams.count
                part.pointee.length_penalty = beams.lengthPenalty
                part.pointee.early_stopping = Pg__Wire__Decoding__EarlyStopping(rawValue: beams.earlyStopping.rawValue)
                part.pointee.returned = beams.returned
                return part
            }
            message.pointee.n_choices = choices.count
            message.pointee.choices = arena.table(
                choices.map { tokens in
                    let part = arena.make(pg__wire__decoding__choice__init)
                    part.pointee.n_tokens = tokens.count
                    part.pointee.tokens = arena.copy(tokens)
                    return part
                })
            message.pointee.top_logprobs = topLogprobs
            message.pointee.repeated_ngram = repeatedNgram
            message.pointee.repeated_times = repeatedTimes
            return message
        }

        init(_ message: Pg__Wire__Decoding) throws(WireError) {
            self.init(
                sampling: message.sampling.map { part in
                    Sampling(
                        temperature: part.pointee.temperature, topK: part.pointee.top_k, topP: part.pointee.top_p,
                        seed: part.pointee.seed)
                },
                beams: try message.beams.map { part throws(WireError) in
                    Beams(
                        count: part.pointee.count, lengthPenalty: part.pointee.length_penalty,
                        earlyStopping: try Unpacking.choice(
                            part.pointee.early_stopping.rawValue, kind: .order, field: "early stopping"),
                        returned: part.pointee.returned)
                },
                choices: try Unpacking.messages(message.choices, message.n_choices) {
                    Unpacking.array($0.tokens, $0.n_tokens)
                },
                topLogprobs: message.top_logprobs, repeatedNgram: message.repeated_ngram,
                repeatedTimes: message.repeated_times)
        }
    }
}
