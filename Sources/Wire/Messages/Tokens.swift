import CWire

/// The Gemma ranks' answer to an order: new tokens of each of its sequences.
package struct Tokens: FrameMessage {
    package static let kind = FrameKind.tokens

    /// Whether a sequence goes on, or why it ended.
    package enum Status: UInt32, Sendable, CaseIterable {
        /// The sequence goes on.
        case unfinished = 1
        /// It came to the end-of-sequence token, which is not among its tokens.
        case stop = 2
        /// It came to its maximum of tokens or to the end of the context.
        case length = 3
        /// Features of one of its pictures were damaged in transit.
        case damaged = 4
        /// It repeated an n-gram as often as its decoding allows.
        case repetition = 5
    }

    /// One of several answers: of a beam search or of given choices.
    package struct Answer: Sendable, Equatable {
        package var tokens: [Int32]
        /// Natural logarithms of the probabilities, one per token.
        package var logprobs: [Float]
        package var score: Float
        /// Whether the end-of-sequence token ended it.
        package var isEnded: Bool

        package init(tokens: [Int32], logprobs: [Float], score: Float, isEnded: Bool) {
            self.tokens = tokens
            self.logprobs = logprobs
            self.score = score
            self.isEnded = isEnded
        }
    }

    /// The new tokens of one sequence.
    package struct Result: Sendable, Equatable {
        package var sequenceID: UInt64
        package var tokens: [Int32]
        /// Natural logarithms of the probabilities, one per token.
        package var logprobs: [Float]
        package var status: Status
        /// The most probable tokens of every step, best first, as many per step as the decoding asks for, and the
        /// natural logarithms of their probabilities.
        package var topTokens: [Int32]
        package var topLogprobs: [Float]
        /// At the end of the sequence: the best answers of a beam search, best first, or all choices, in their order.
        package var answers: [Answer]

        package init(
            sequenceID: UInt64, tokens: [Int32], logprobs: [Float], status: Status, topTokens: [Int32] = [],
            topLogprobs: [Float] = [], answers: [Answer] = []
        ) {
            self.sequenceID = sequenceID
            self.tokens = tokens
            self.logprobs = logprobs
            self.status = status
            self.topTokens = topTokens
            self.topLogprobs = topLogprobs
            self.answers = answers
        }
    }

    package var batchID: UInt64
    package var orderSequenceNumber: UInt64
    package var results: [Result]

    package init(batchID: UInt64, orderSequenceNumber: UInt64, results: [Result]) {
        self.batchID = batchID
        self.orderSequenceNumber = orderSequenceNumber
        self.results = results
    }

    package var routing: Routing { Routing(batchID: batchID, itemID: orderSequenceNumber) }

    package func packed(in arena: Arena) -> PackedForm {
        let message = arena.make(pg__wire__tokens__init)
        message.pointee.batch_id = batchID
        message.pointee.order_sequence_number = orderSequenceNumber
        message.pointee.n_results = results.count
        message.pointee.results = arena.table(results.map { $0.packed(in: arena) })
        return PackedForm(message)
    }

    /// Reads the message from a frame's payload.
    ///
    /// - Throws: ``WireError`` where the payload is no such message or contradicts itself.
    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        self = try Unpacking.read(
            payload, kind: Self.kind, pg__wire__tokens__unpack, pg__wire__tokens__free_unpacked
        ) { message throws(WireError) in
            Tokens(
                batchID: message.batch_id, orderSequenceNumber: message.order_sequence_number,
                results: try Unpacking.messages(message.results, message.n_results) { result throws(WireError) in
                    try Result(result)
                })
        }
    }
}

extension Tokens.Result {
    fileprivate func packed(in arena: Arena) -> UnsafeMutablePointer<Pg__Wire__Tokens__Result> {
        let message = arena.make(pg__wire__tokens__result__init)
        message.pointee.sequence_id = sequenceID
        message.pointee.n_tokens = tokens.count
        message.pointee.tokens = arena.copy(tokens)
        message.pointee.n_logprobs = logprobs.count
        message.pointee.logprobs = arena.copy(logprobs)
        message.pointee.finish = Pg__Wire__Tokens__Finish(rawValue: status.rawValue)
        message.pointee.n_top_tokens = topTokens.count
        message.pointee.top_tokens = arena.copy(topTokens)
        message.pointee.n_top_logprobs = topLogprobs.count
        message.pointee.top_logprobs = arena.copy(topLogprobs)
        message.pointee.n_answers = answers.count
        message.pointee.answers = arena.table(
            answers.map { answer in
                let part = arena.make(pg__wire__tokens__answer__init)
                part.pointee.n_tokens = answer.tokens.count
                part.pointee.tokens = arena.copy(answer.tokens)
                part.pointee.n_logprobs = answer.logprobs.count
                part.pointee.logprobs = arena.copy(answer.logprobs)
                part.pointee.score = answer.score
                part.pointee.ended = answer.isEnded ? 1 : 0
                return part
            })
        return message
    }

    fileprivate init(_ message: Pg__Wire__Tokens__Result) throws(WireError) {
        self.init(
            sequenceID: message.sequence_id, tokens: Unpacking.array(message.tokens, message.n_tokens),
            logprobs: Unpacking.array(message.logprobs, message.n_logprobs),
            status: try Unpacking.choice(message.finish.rawValue, kind: .tokens, field: "finish"),
            topTokens: Unpacking.array(message.top_tokens, message.n_top_tokens),
            topLogprobs: Unpacking.array(message.top_logprobs, message.n_top_logprobs),
            answers: try Unpacking.messages(message.answers, message.n_answers) { answer in
                Tokens.Answer(
                    tokens: Unpacking.array(answer.tokens, answer.n_tokens),
                    logprobs: Unpacking.array(answer.logprobs, answer.n_logprobs), score: answer.score,
                    isEnded: answer.ended != 0)
            })
    }
}
