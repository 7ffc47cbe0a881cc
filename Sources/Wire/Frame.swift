import CWire

/// A message that can travel as a frame.
package protocol FrameMessage: Sendable, Equatable {
    static var kind: FrameKind { get }
    /// What of the message stands in the header too.
    var routing: Routing { get }
    /// The message as protobuf-c's struct, in memory of `arena`.
    ///
    /// - Throws: `malformed` where the message contradicts itself, such as data of another size than its rows.
    func packed(in arena: Arena) throws(WireError) -> PackedForm
    /// Reads a payload whose checksum was right.
    init(payload: UnsafeRawBufferPointer) throws(WireError)
}

extension FrameMessage {
    package var routing: Routing { Routing() }
}

/// Any message that a frame may hold.
package enum AnyMessage: Sendable, Equatable {
    case hello(Hello)
    case welcome(Welcome)
    case order(Order)
    case pixelBatch(PixelBatch)
    case features(Features)
    case tokens(Tokens)
    case failure(Failure)
    case heartbeat(Heartbeat)
    case report(Report)
    case encoded(Encoded)
}

/// Frames: a header (see `FrameHeader`) and one protobuf message.
package enum Frame {
    /// The version of header and messages together. Two versions do not talk to each other.
    package static let version: UInt16 = 2

    /// Bytes of the longest payload: sixteen pictures of 896 pixels, or a picture's features four times over.
    package static let maximumPayload = 128 << 20

    /// Bytes of a message without its bulk. protobuf-c's structs take many times the room of what they are read
    /// from, so this part has a limit of its own.
    static let maximumMessage = 16 << 20

    /// The whole frame of a message.
    ///
    /// - Throws: `tooLong`, or `malformed` where the message contradicts itself.
    package static func encode<Message: FrameMessage>(_ message: Message) throws(WireError) -> [UInt8] {
        let arena = Arena()
        return try encode(message.packed(in: arena), kind: Message.kind, routing: message.routing)
    }

    /// The message of a frame.
    ///
    /// - Parameter frame: one whole frame and nothing after it.
    package static func decode(_ frame: UnsafeRawBufferPointer) throws(WireError) -> AnyMessage {
        let (header, payload) = try open(frame)
        switch header.kind {
        case .hello: return .hello(try Hello(payload: payload))
        case .welcome: return .welcome(try Welcome(payload: payload))
        case .order: return .order(try Order(payload: payload))
        case .pixelBatch: return .pixelBatch(try PixelBatch(payload: payload))
        case .features: return .features(try Features(payload: payload))
        case .tokens: return .tokens(try Tokens(payload: payload))
        case .failure: return .failure(try Failure(payload: payload))
        case .heartbeat: return .heartbeat(try Heartbeat(payload: payload))
        case .report: return .report(try Report(payload: payload))
        case .encoded: return .encoded(try Encoded(payload: payload))
        }
    }

    /// The message of a frame that must be of one kind.
    ///
    /// - Throws: `unexpectedKind` for a whole frame of another kind, else as `decode(_:)`.
    package static func decode<Message: FrameMessage>(
        _ type: Message.Type, _ frame: UnsafeRawBufferPointer
    ) throws(WireError) -> Message {
        let (header, payload) = try open(frame)
        guard header.kind == Message.kind else {
            throw .unexpectedKind(expected: Message.kind, actual: header.kind)
        }
        return try Message(payload: payload)
    }

    /// The checked header and payload of a frame. Nothing is copied.
    static func open(
        _ frame: UnsafeRawBufferPointer
    ) throws(WireError) -> (header: FrameHeader, payload: UnsafeRawBufferPointer) {
        let header = try FrameHeader(of: frame)
        let whole = FrameHeader.byteCount + header.payloadCount
        guard frame.count >= whole else { throw .truncated(expected: whole, actual: frame.count) }
        guard frame.count == whole else { throw .trailingBytes(expected: whole, actual: frame.count) }
        let payload = UnsafeRawBufferPointer(rebasing: frame[FrameHeader.byteCount...])
        guard Checksum.crc32c(payload) == header.payloadChecksum else { throw .corruptPayload(header) }
        return (header, payload)
    }

    static func encode(
        _ form: PackedForm, kind: FrameKind, routing: Routing
    ) throws(WireError) -> [UInt8] {
        let messageCount = protobuf_c_message_get_packed_size(form.message)
        guard messageCount <= maximumMessage else {
            throw .tooLong(kind: kind, bytes: messageCount, limit: maximumMessage)
        }
        let payloadCount = messageCount + form.bulk.encodedCount
        guard payloadCount <= maximumPayload else {
            throw .tooLong(kind: kind, bytes: payloadCount, limit: maximumPayload)
        }
        let total = FrameHeader.byteCount + payloadCount
        return [UInt8](unsafeUninitializedCapacity: total) { storage, initializedCount in
            let frame = UnsafeMutableRawBufferPointer(storage)
            let payload = UnsafeMutableRawBufferPointer(rebasing: frame[FrameHeader.byteCount..<total])
            protobuf_c_message_pack(form.message, payload.baseAddress?.assumingMemoryBound(to: UInt8.self))
            form.bulk.write(to: UnsafeMutableRawBufferPointer(rebasing: payload[messageCount...]))
            FrameHeader(kind: kind, routing: routing, payload: UnsafeRawBufferPointer(payload)).write(to: frame)
            initializedCount = total
        }
    }
}
