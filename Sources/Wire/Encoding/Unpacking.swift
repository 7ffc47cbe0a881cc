import CWire

/// Reads messages out of protobuf-c's structs.
enum Unpacking {
    typealias Unpack<Struct> = (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
        UnsafeMutablePointer<Struct>?
    typealias Free<Struct> = (UnsafeMutablePointer<Struct>?, UnsafeMutablePointer<ProtobufCAllocator>?) -> Void

    /// Calls `body` with the struct that `bytes` hold, and frees the struct afterwards.
    ///
    /// - Throws: `malformed` where the bytes are not such a message, `tooLong` beyond `Frame.maximumMessage`, and what
    ///   `body` throws.
    static func read<Struct, Result>(
        _ bytes: UnsafeRawBufferPointer, kind: FrameKind, _ unpack: Unpack<Struct>, _ free: Free<Struct>,
        _ body: (Struct) throws(WireError) -> Result
    ) throws(WireError) -> Result {
        guard bytes.count <= Frame.maximumMessage else {
            throw .tooLong(kind: kind, bytes: bytes.count, limit: Frame.maximumMessage)
        }
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        guard let message = unpack(nil, bytes.count, start) else {
            throw .malformed(kind: kind, reason: "it is not a protobuf message of that kind")
        }
        defer { free(message, nil) }
        return try body(message.pointee)
    }

    /// Returns the elements of a repeated number.
    static func array<Element: BitwiseCopyable>(_ start: UnsafeMutablePointer<Element>?, _ count: Int) -> [Element] {
        Array(UnsafeBufferPointer(start: start, count: count))
    }

    /// Returns a text; the empty one for a null pointer.
    static func string(_ start: UnsafeMutablePointer<CChar>?) -> String {
        start.map { String(cString: $0) } ?? ""
    }

    /// Returns the elements of a repeated message, each read by `read`.
    ///
    /// - Throws: What `read` throws.
    static func messages<Struct, Element>(
        _ start: UnsafeMutablePointer<UnsafeMutablePointer<Struct>?>?, _ count: Int,
        _ read: (Struct) throws(WireError) -> Element
    ) throws(WireError) -> [Element] {
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for pointer in UnsafeBufferPointer(start: start, count: count) {
            if let pointer { elements.append(try read(pointer.pointee)) }
        }
        return elements
    }

    /// Returns the case of an enumeration that a number on the wire stands for.
    ///
    /// - Throws: `malformed` where there is none.
    static func choice<Choice: RawRepresentable<UInt32>>(
        _ rawValue: UInt32, kind: FrameKind, field: String
    ) throws(WireError) -> Choice {
        guard let choice = Choice(rawValue: rawValue) else {
            throw .malformed(kind: kind, reason: "its field \(field) has the unknown value \(rawValue)")
        }
        return choice
    }
}
