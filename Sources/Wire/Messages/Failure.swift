import CWire

/// A rank's message to rank 0 that it cannot start.
package struct Failure: FrameMessage {
    package static let kind = FrameKind.failure

    package var rank: UInt64
    /// The code that the rank would exit with by itself.
    package var exitCode: Int32
    /// The host and the reason, for a person.
    package var message: String

    package init(rank: UInt64, exitCode: Int32, message: String) {
        self.rank = rank
        self.exitCode = exitCode
        self.message = message
    }

    package func packed(in arena: Arena) -> PackedForm {
        let form = arena.make(pg__wire__failure__init)
        form.pointee.scope = PG__WIRE__FAILURE__SCOPE__RANK
        form.pointee.n_ids = 1
        form.pointee.ids = arena.copy([rank])
        form.pointee.code = arena.copy(String(exitCode))
        form.pointee.message = arena.copy(message)
        return PackedForm(form)
    }

    /// Reads the message from a frame's payload.
    ///
    /// - Throws: ``WireError`` where the payload is no such message or contradicts itself.
    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        self = try Unpacking.read(
            payload, kind: Self.kind, pg__wire__failure__unpack, pg__wire__failure__free_unpacked
        ) { message throws(WireError) in
            let ranks: [UInt64] = Unpacking.array(message.ids, message.n_ids)
            guard message.scope == PG__WIRE__FAILURE__SCOPE__RANK, ranks.count == 1 else {
                throw .malformed(kind: Self.kind, reason: "it is not about one rank")
            }
            guard let exitCode = Int32(Unpacking.string(message.code)) else {
                throw .malformed(kind: Self.kind, reason: "its exit code is not a number")
            }
            return Failure(rank: ranks[0], exitCode: exitCode, message: Unpacking.string(message.message))
        }
    }
}
