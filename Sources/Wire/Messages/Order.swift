import CWire
import DecodingSettings

/// What the Coordinator tells the Gemma ranks to do next. Orders are numbered from 1 and executed in that order.
package struct Order: FrameMessage {
    package static let kind = FrameKind.order

    package enum Kind: UInt32, Sendable, CaseIterable {
        /// Prefill `sequences`: their pictures and prompts, up to the first token of each.
        case prefill = 1
        /// Decode up to `steps` more tokens of each of `sequenceIDs`.
        case decode = 2
        /// Drop `sequenceIDs` and their KV cache.
        case cancel = 3
        /// The last order.
        case stop = 5
    }

    /// A sequence to be prefilled: its pictures, and the text after them.
    package struct NewSequence: Sendable, Equatable {
        package var id: UInt64
        /// In the order of the prompt; their features come as ``Features`` frames.
        package var pictureIDs: [UInt64]
        /// The tokens after the picture tokens: BOS, the prompt, the newline.
        package var textTokens: [Int32]
        package var maxTokens: UInt32
        package var decoding: Decoding
        /// The adapter of the sequence, by its index among the world's in the order of their names; nil for none.
        package var adapter: Int?

        package init(
            id: UInt64, pictureIDs: [UInt64], textTokens: [Int32], maxTokens: UInt32, decoding: Decoding = .greedy,
            adapter: Int? = nil
        ) {
            self.id = id
            self.pictureIDs = pictureIDs
            self.textTokens = textTokens
            self.maxTokens = maxTokens
            self.decoding = decoding
            self.adapter = adapter
        }
    }

    package var sequenceNumber: UInt64
    package var kind: Kind
    package var batchID: UInt64
    package var sequences: [NewSequence]
    /// The maximum number of decode steps.
    package var steps: UInt32
    package var sequenceIDs: [UInt64]

    package init(
        sequenceNumber: UInt64, kind: Kind, batchID: UInt64 = 0, sequences: [NewSequence] = [], steps: UInt32 = 0,
        sequenceIDs: [UInt64] = []
    ) {
        self.sequenceNumber = sequenceNumber
        self.kind = kind
        self.batchID = batchID
        self.sequences = sequences
        self.steps = steps
        self.sequenceIDs = sequenceIDs
    }

    package var routing: Routing { Routing(batchID: batchID, itemID: sequenceNumber) }

    package func packed(in arena: Arena) -> PackedForm {
        let message = arena.make(pg__wire__order__init)
        message.pointee.sequence_number = sequenceNumber
        message.pointee.kind = Pg__Wire__Order__Kind(rawValue: kind.rawValue)
        message.pointee.batch_id = batchID
        message.pointee.n_sequences = sequences.count
        message.pointee.sequences = arena.table(sequences.map { $0.packed(in: arena) })
        message.pointee.steps = steps
        message.pointee.n_sequence_ids = sequenceIDs.count
        message.pointee.sequence_ids = arena.copy(sequenceIDs)
        return PackedForm(message)
    }

    /// Reads the message from a frame's payload.
    ///
    /// - Throws: ``WireError`` where the payload is no such message or contradicts itself.
    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        self = try Unpacking.read(payload, kind: Self.kind, pg__wire__order__unpack, pg__wire__order__free_unpacked) {
            message throws(WireError) in
            Order(
                sequenceNumber: message.sequence_number,
                kind: try Unpacking.choice(message.kind.rawValue, kind: Self.kind, field: "kind"),
                batchID: message.batch_id,
                sequences: try Unpacking.messages(message.sequences, message.n_sequences) {
                    pointer throws(WireError) in try NewSequence(pointer)
                },
                steps: message.steps,
                sequenceIDs: Unpacking.array(message.sequence_ids, message.n_sequence_ids))
        }
    }
}

extension Order.NewSequence {
    fileprivate func packed(in arena: Arena) -> UnsafeMutablePointer<Pg__Wire__Sequence> {
        let message = arena.make(pg__wire__sequence__init)
        message.pointee.id = id
        message.pointee.n_picture_ids = pictureIDs.count
        message.pointee.picture_ids = arena.copy(pictureIDs)
        message.pointee.n_text_tokens = textTokens.count
        message.pointee.text_tokens = arena.copy(textTokens)
        message.pointee.max_tokens = maxTokens
        message.pointee.decoding = decoding.packed(in: arena)
        message.pointee.adapter = AdapterIndex.encode(adapter)
        return message
    }

    fileprivate init(_ message: Pg__Wire__Sequence) throws(WireError) {
        self.init(
            id: message.id, pictureIDs: Unpacking.array(message.picture_ids, message.n_picture_ids),
            textTokens: Unpacking.array(message.text_tokens, message.n_text_tokens), maxTokens: message.max_tokens,
            decoding: try message.decoding.map { decoding throws(WireError) in try Decoding(decoding.pointee) }
                ?? .greedy,
            adapter: AdapterIndex.decode(message.adapter))
    }
}
