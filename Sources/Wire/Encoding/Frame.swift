import CWire

/// Encodes and decodes frames: a header (see ``FrameHeader``) and one protobuf message.
package enum Frame {
    /// The version of header and messages together. Two versions do not understand each other.
    package static let version: UInt16 = 4

    /// The maximum size of a payload, in bytes: sixteen pictures of 896 pixels, or a picture's features four times
    /// over.
    package static let maximumPayload = 128 << 20

    /// The maximum size of a message without its bulk data, in bytes. protobuf-c's structs take many times the memory
    /// of the bytes that they are read from, so this part has a limit of its own.
    static let maximumMessage = 16 << 20

    /// Returns the whole frame of a message.
    ///
    /// - Throws: `tooLong`, and `malformed` where the message contradicts itself.
    package static func encode<Message: FrameMessage>(_ message: Message) throws(WireError) -> [UInt8] {
        let arena = Arena()
        return try encode(message.packed(in: arena), kind: Message.kind, routing: message.routing)
    }

    /// Returns the checked header and payload of a frame. Nothing is copied.
    ///
    /// - Throws: A ``WireError`` where the header or the checksum of the payload does not hold.
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

    /// Returns the frame of a packed message.
    ///
    /// - Throws: `tooLong`.
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
