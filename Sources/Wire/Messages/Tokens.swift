import CWire

/// What the Gemma ranks answer to an order: new tokens of each of its sequences.
package struct Tokens: FrameMessage {
    package static let kind = FrameKind.tokens

    package enum Finish: UInt32, Sendable, CaseIterable {
        /// The sequence goes on.
        case none = 1
        /// It met the end-of-sequence token, which is not among its tokens.
        case stop = 2
        /// It met its maximum or the end of the context.
        case length = 3
        /// Features of a picture were damaged on their way.
        case damaged = 4
    }

    package struct Result: Sendable, Equatable {
        package var sequenceID: UInt64
        package var tokens: [Int32]
        /// Natural logarithms, one a token.
        package var logprobs: [Float]
        package var finish: Finish

        package init(sequenceID: UInt64, tokens: [Int32], logprobs: [Float], finish: Finish) {
            self.sequenceID = sequenceID
            self.tokens = tokens
            self.logprobs = logprobs
            self.finish = finish
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
        message.pointee.finish = Pg__Wire__Tokens__Finish(rawValue: finish.rawValue)
        return message
    }

    fileprivate init(_ message: Pg__Wire__Tokens__Result) throws(WireError) {
        self.init(
            sequenceID: message.sequence_id, tokens: Unpacking.array(message.tokens, message.n_tokens),
            logprobs: Unpacking.array(message.logprobs, message.n_logprobs),
            finish: try Unpacking.choice(message.finish.rawValue, kind: .tokens, field: "finish"))
    }
}
