/// The bytes of a message's field 15, which is last in the payload. They are written and read here and not by
/// protobuf-c, so that megabytes are copied once, where protobuf-c would copy them twice on either side.
struct Bulk {
    /// Field 15, wire type 2 (length-delimited), as protobuf encodes it: one byte.
    static let tag: UInt8 = 15 << 3 | 2

    static var none: Bulk { Bulk(count: 0) { _ in } }

    /// The size of the data, in bytes.
    let count: Int
    private let fill: (UnsafeMutableRawBufferPointer) -> Void

    /// - Parameter fill: writes exactly `count` bytes.
    init(count: Int, fill: @escaping (UnsafeMutableRawBufferPointer) -> Void) {
        self.count = count
        self.fill = fill
    }

    /// The size of tag, length and data, in bytes. An empty field is left out, as protobuf does it.
    var encodedCount: Int { count == 0 ? 0 : 1 + Self.lengthBytes(of: count) + count }

    /// Writes tag, length and data into a buffer of `encodedCount` bytes.
    func write(to destination: UnsafeMutableRawBufferPointer) {
        precondition(destination.count == encodedCount)
        guard count > 0 else { return }
        destination[0] = Self.tag
        var remaining = count
        var offset = 1
        while remaining >= 0x80 {
            destination[offset] = UInt8(truncatingIfNeeded: remaining) | 0x80
            remaining >>= 7
            offset += 1
        }
        destination[offset] = UInt8(remaining)
        fill(UnsafeMutableRawBufferPointer(rebasing: destination[(offset + 1)...]))
    }

    /// Divides a payload into the message before field 15 and the data of it.
    ///
    /// Top-level fields are skipped by their wire type. Anything that does not parse is left in `message`, for
    /// protobuf-c to refuse.
    ///
    /// - Throws: `malformed` where field 15 is not the last, or longer than the payload.
    static func split(
        _ payload: UnsafeRawBufferPointer, kind: FrameKind
    ) throws(WireError) -> (message: UnsafeRawBufferPointer, bulk: UnsafeRawBufferPointer) {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        var reader = FieldReader(bytes: payload)
        while reader.offset < payload.count {
            let start = reader.offset
            guard payload[start] == tag else {
                guard reader.skipField() else { return (payload, nothing) }
                continue
            }
            reader.offset += 1
            guard let length = reader.variableInteger(), length == UInt64(payload.count - reader.offset) else {
                throw .malformed(kind: kind, reason: "its bulk data does not end where the frame ends")
            }
            return (
                UnsafeRawBufferPointer(rebasing: payload[..<start]),
                UnsafeRawBufferPointer(rebasing: payload[reader.offset...])
            )
        }
        return (payload, nothing)
    }

    private static func lengthBytes(of count: Int) -> Int {
        max(1, (Int.bitWidth - count.leadingZeroBitCount + 6) / 7)
    }
}

/// Skips protobuf's fields without reading them.
private struct FieldReader {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    init(bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Reads a number of seven bits a byte, the lowest first. Returns nil where the bytes end or the number is wider
    /// than 64 bits.
    mutating func variableInteger() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard offset < bytes.count else { return nil }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        return nil
    }

    /// Skips one field. Returns false where no whole field follows.
    mutating func skipField() -> Bool {
        guard let key = variableInteger() else { return false }
        switch key & 7 {
        case 0: return variableInteger() != nil
        case 1: return advance(8)
        case 2:
            guard let length = variableInteger() else { return false }
            return advance(length)
        case 5: return advance(4)
        default: return false
        }
    }

    private mutating func advance(_ count: UInt64) -> Bool {
        guard count <= UInt64(bytes.count - offset) else { return false }
        offset += Int(count)
        return true
    }
}
