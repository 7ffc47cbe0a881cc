/// The reason why bytes are not a frame, or why a message cannot become one.
///
/// Every case but `malformed` is decided by the header alone or by a checksum, before anything is allocated.
package enum WireError: Error, Equatable {
    /// The bytes end before the header or before the payload that it announces.
    case truncated(expected: Int, actual: Int)
    /// Bytes follow the payload.
    case trailingBytes(expected: Int, actual: Int)
    /// The first four bytes are not those of a frame.
    case wrongMagic(UInt32)
    /// Another version of this format.
    case wrongVersion(UInt16)
    /// The header's checksum does not fit it: nothing in it can be trusted.
    case corruptHeader
    /// The header is whole, its kind is unknown.
    case unknownKind(UInt16)
    /// The payload is longer than any frame may be.
    case tooLong(kind: FrameKind, bytes: Int, limit: Int)
    /// The payload's checksum does not fit it. The header is whole, so its `routing` says what was lost.
    case corruptPayload(FrameHeader)
    /// The bytes arrived as they were sent, and are not a message of their kind.
    case malformed(kind: FrameKind, reason: String)
    /// A whole frame of another kind than the receiver asked for.
    case unexpectedKind(expected: FrameKind, actual: FrameKind)
}

extension WireError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .truncated(let expected, let actual):
            "a frame of \(expected) bytes was cut off after \(actual); send it again"
        case .trailingBytes(let expected, let actual):
            "a frame of \(expected) bytes arrived with \(actual) bytes; one message must hold one frame"
        case .wrongMagic(let magic):
            "not a frame: it begins with 0x\(String(magic, radix: 16)); check which program sends here"
        case .wrongVersion(let version):
            "a frame of wire version \(version), this program uses \(Frame.version); install one build on all hosts"
        case .corruptHeader:
            "a frame's header was damaged on its way; check the network and the memory of both hosts"
        case .unknownKind(let kind):
            "a frame of unknown kind \(kind); install one build on all hosts"
        case .tooLong(let kind, let bytes, let limit):
            "a \(kind) frame of \(bytes) bytes; the maximum is \(limit); send it in smaller chunks"
        case .corruptPayload(let header):
            "a \(header.kind) frame (\(header.routing)) was damaged on its way; what it carried has to be sent again"
        case .malformed(let kind, let reason):
            "a \(kind) frame arrived undamaged but is not valid: \(reason); install one build on all hosts"
        case .unexpectedKind(let expected, let actual):
            "a \(actual) frame where a \(expected) frame was expected"
        }
    }
}
