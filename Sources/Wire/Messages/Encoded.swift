import CWire

/// A vision rank's progress on a batch of pictures.
package struct Encoded: FrameMessage {
    package static let kind = FrameKind.encoded

    package var batchID: UInt64
    /// False: its first features have been sent. True: all have.
    package var finished: Bool

    package init(batchID: UInt64, finished: Bool) {
        self.batchID = batchID
        self.finished = finished
    }

    package var routing: Routing { Routing(batchID: batchID) }

    package func packed(in arena: Arena) -> PackedForm {
        let message = arena.make(pg__wire__encoded__init)
        message.pointee.batch_id = batchID
        message.pointee.finished = finished ? 1 : 0
        return PackedForm(message)
    }

    /// Reads the message from a frame's payload.
    ///
    /// - Throws: ``WireError`` where the payload is no such message or contradicts itself.
    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        self = try Unpacking.read(
            payload, kind: Self.kind, pg__wire__encoded__unpack, pg__wire__encoded__free_unpacked
        ) { message in
            Encoded(batchID: message.batch_id, finished: message.finished != 0)
        }
    }
}
