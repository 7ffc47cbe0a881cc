/// The fixed part of a frame, little-endian:
///
///      0  magic            4 bytes  "PGWF"
///      4  version          2
///      6  kind             2
///      8  payload length   4        bytes
///     12  payload CRC-32C  4
///     16  routing          8 + 8 + 4 + 4
///     40  header CRC-32C   4        of bytes 0..<40
///
/// The header's checksum covers the payload's, so that no bit of a frame is outside both.
package struct FrameHeader: Sendable, Equatable {
    package static let byteCount = 44
    static let magic: UInt32 = 0x4657_4750

    package var kind: FrameKind
    package var routing: Routing
    /// The size of the payload that follows, in bytes.
    package var payloadCount: Int
    var payloadChecksum: UInt32

    /// Reads and checks the fixed part of `frame`, however long the payload that follows is.
    ///
    /// Order of the checks: magic and version first, because another version may lay out the rest differently; then
    /// the checksum; only then is any other field trusted.
    ///
    /// - Throws: A ``WireError`` that says which check failed.
    package init(of frame: UnsafeRawBufferPointer) throws(WireError) {
        guard frame.count >= Self.byteCount else {
            throw .truncated(expected: Self.byteCount, actual: frame.count)
        }
        let magic = frame.word32(at: 0)
        guard magic == Self.magic else { throw .wrongMagic(magic) }
        let version = UInt16(littleEndian: frame.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
        guard version == Frame.version else { throw .wrongVersion(version) }
        let covered = UnsafeRawBufferPointer(rebasing: frame[..<(Self.byteCount - 4)])
        guard Checksum.crc32c(covered) == frame.word32(at: 40) else { throw .corruptHeader }

        let rawKind = UInt16(littleEndian: frame.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
        guard let kind = FrameKind(rawValue: rawKind) else { throw .unknownKind(rawKind) }
        self.kind = kind
        payloadCount = Int(frame.word32(at: 8))
        payloadChecksum = frame.word32(at: 12)
        routing = Routing(
            batchID: frame.word64(at: 16), itemID: frame.word64(at: 24),
            firstRow: frame.word32(at: 32), rowCount: frame.word32(at: 36))
        guard payloadCount <= Frame.maximumPayload else {
            throw .tooLong(kind: kind, bytes: payloadCount, limit: Frame.maximumPayload)
        }
    }

    init(kind: FrameKind, routing: Routing, payload: UnsafeRawBufferPointer) {
        self.kind = kind
        self.routing = routing
        payloadCount = payload.count
        payloadChecksum = Checksum.crc32c(payload)
    }

    /// Writes the fixed part with its checksum into the first `byteCount` bytes of `frame`.
    func write(to frame: UnsafeMutableRawBufferPointer) {
        frame.store(Self.magic, at: 0)
        frame.store(Frame.version, at: 4)
        frame.store(kind.rawValue, at: 6)
        frame.store(UInt32(payloadCount), at: 8)
        frame.store(payloadChecksum, at: 12)
        frame.store(routing.batchID, at: 16)
        frame.store(routing.itemID, at: 24)
        frame.store(routing.firstRow, at: 32)
        frame.store(routing.rowCount, at: 36)
        let covered = UnsafeRawBufferPointer(rebasing: frame[..<(Self.byteCount - 4)])
        frame.store(Checksum.crc32c(covered), at: 40)
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func word32(at offset: Int) -> UInt32 {
        UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    fileprivate func word64(at offset: Int) -> UInt64 {
        UInt64(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func store(_ value: some FixedWidthInteger & BitwiseCopyable, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
    }
}
