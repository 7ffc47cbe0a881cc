import Glibc

/// The text of what the system keeps as bytes: paths, arguments, environment variables.
///
/// A path on Linux is any bytes but NUL, and a Swift string holds UTF-8 only. So each byte that is no part of UTF-8 becomes one
/// private-use scalar, U+10FE00 plus the byte (U+10FE80 to U+10FEFF): the text is valid, two paths never have the same, and
/// ``bytes(of:)`` gives back the very bytes. All other text is unchanged. So that this holds for names which contain such a
/// scalar, each of its four bytes becomes a scalar as well.
package enum SystemText {
    /// The scalars U+10FE80 to U+10FEFF are the bytes 0x80 to 0xFF.
    private static let firstScalar: UInt32 = 0x10_FE00

    /// Returns the text of the bytes before a NUL.
    package static func text(_ pointer: UnsafePointer<CChar>) -> String {
        text(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
    }

    /// Returns the text of bytes.
    package static func text(_ bytes: some Collection<UInt8>) -> String {
        if let text = String(validating: bytes, as: UTF8.self), !holdsByteScalars(text.utf8) { return text }
        var scalars = String.UnicodeScalarView()
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var rest = bytes[...]
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .emptyInput: return String(scalars)
            case .valid(let encoded):
                let scalar = Unicode.UTF8.decode(encoded)
                if isByteScalar(scalar) {
                    for byte in rest.prefix(encoded.count) { scalars.append(byteScalar(byte)) }
                } else {
                    scalars.append(scalar)
                }
                rest = rest.dropFirst(encoded.count)
            case .error(let length):
                for byte in rest.prefix(length) { scalars.append(byteScalar(byte)) }
                rest = rest.dropFirst(length)
            }
        }
    }

    /// Returns the bytes that a text stands for, without a NUL at the end.
    package static func bytes(of text: String) -> [UInt8] {
        guard holdsByteScalars(text.utf8) else { return Array(text.utf8) }
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if isByteScalar(scalar) {
                bytes.append(UInt8(scalar.value - firstScalar))
            } else {
                bytes += Array(scalar.utf8)
            }
        }
        return bytes
    }

    private static func byteScalar(_ byte: UInt8) -> Unicode.Scalar {
        Unicode.Scalar(firstScalar + UInt32(byte)) ?? "\u{FFFD}"
    }

    /// Returns the byte that a scalar stands for; nil for scalars of text.
    static func byte(of scalar: Unicode.Scalar) -> UInt8? {
        isByteScalar(scalar) ? UInt8(scalar.value - firstScalar) : nil
    }

    private static func isByteScalar(_ scalar: Unicode.Scalar) -> Bool {
        (firstScalar + 0x80...firstScalar + 0xFF).contains(scalar.value)
    }

    /// Returns whether a text may hold such a scalar, whose UTF-8 begins with F4 8F BA or F4 8F BB.
    private static func holdsByteScalars(_ bytes: String.UTF8View) -> Bool {
        guard let first = bytes.firstIndex(of: 0xF4) else { return false }
        var window: (UInt8, UInt8) = (0, 0)
        for byte in bytes[first...] {
            if window == (0xF4, 0x8F) && (byte == 0xBA || byte == 0xBB) { return true }
            window = (window.1, byte)
        }
        return false
    }
}

/// Calls `body` with the bytes of a path and a NUL, as system calls take them.
///
/// - Returns: What `body` returns; nil, with EINVAL in errno, for a path with a NUL inside. Without this such a path would
///   name the file that stands before the NUL.
package func withSystemPath<Value>(_ path: String, _ body: (UnsafePointer<CChar>) -> Value) -> Value? {
    let bytes = SystemText.bytes(of: path)
    guard !bytes.contains(0) else {
        errno = EINVAL
        return nil
    }
    return (bytes + [0]).withUnsafeBytes { bytes in
        bytes.withMemoryRebound(to: CChar.self) { characters in
            // The array has a NUL at least.
            characters.baseAddress.map(body)
        }
    }
}
