import CWire

/// A rank's first message to rank 0: what has to be the same on all ranks, and which rank sends it.
package struct Hello: FrameMessage {
    package static let kind = FrameKind.hello

    /// The version of the software, and the commit that it was built from.
    package var build: String
    package var wireVersion: UInt32
    /// Identifies the model: configuration, tensor headers, tokenizer and what else its answers depend on.
    package var fingerprint: String
    package var worldSize: UInt32
    package var rank: UInt32
    package var host: String
    package var processID: UInt32
    /// How many ranks were requested, or 0 where that is not known: a world of one where four were requested was
    /// started by the wrong launcher.
    package var ranksExpected: UInt32
    /// The number format of activations between ranks.
    package var link: String

    package init(
        build: String, wireVersion: UInt32 = UInt32(Frame.version), fingerprint: String, worldSize: UInt32,
        rank: UInt32, host: String, processID: UInt32, ranksExpected: UInt32 = 0, link: String = ""
    ) {
        self.build = build
        self.wireVersion = wireVersion
        self.fingerprint = fingerprint
        self.worldSize = worldSize
        self.rank = rank
        self.host = host
        self.processID = processID
        self.ranksExpected = ranksExpected
        self.link = link
    }

    package func packed(in arena: Arena) -> PackedForm {
        let message = arena.make(pg__wire__hello__init)
        message.pointee.build = arena.copy(build)
        message.pointee.wire_version = wireVersion
        message.pointee.fingerprint = arena.copy(fingerprint)
        message.pointee.world_size = worldSize
        message.pointee.rank = rank
        message.pointee.host = arena.copy(host)
        message.pointee.process_id = processID
        message.pointee.ranks_expected = ranksExpected
        message.pointee.link = arena.copy(link)
        return PackedForm(message)
    }

    /// Reads the message from a frame's payload.
    ///
    /// - Throws: ``WireError`` where the payload is no such message or contradicts itself.
    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        self = try Unpacking.read(payload, kind: Self.kind, pg__wire__hello__unpack, pg__wire__hello__free_unpacked) {
            Hello(
                build: Unpacking.string($0.build), wireVersion: $0.wire_version,
                fingerprint: Unpacking.string($0.fingerprint), worldSize: $0.world_size, rank: $0.rank,
                host: Unpacking.string($0.host), processID: $0.process_id, ranksExpected: $0.ranks_expected,
                link: Unpacking.string($0.link))
        }
    }
}

/// Rank 0's answer to ``Hello``.
package struct Welcome: FrameMessage {
    package static let kind = FrameKind.welcome

    package var accepted: Bool
    /// Why the world does not start, with host and cause; empty where it does.
    package var reason: String
    /// The exit code of all ranks of a refused world.
    package var exitCode: UInt32

    package init(accepted: Bool, reason: String = "", exitCode: UInt32 = 0) {
        self.accepted = accepted
        self.reason = reason
        self.exitCode = exitCode
    }

    package func packed(in arena: Arena) -> PackedForm {
        let message = arena.make(pg__wire__welcome__init)
        message.pointee.accepted = accepted ? 1 : 0
        message.pointee.reason = arena.copy(reason)
        message.pointee.exit_code = exitCode
        return PackedForm(message)
    }

    /// Reads the message from a frame's payload.
    ///
    /// - Throws: ``WireError`` where the payload is no such message or contradicts itself.
    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        self = try Unpacking.read(
            payload, kind: Self.kind, pg__wire__welcome__unpack, pg__wire__welcome__free_unpacked
        ) {
            Welcome(
                accepted: $0.accepted != 0, reason: Unpacking.string($0.reason), exitCode: $0.exit_code)
        }
    }
}
