import CXXHash

/// The hash that names the contents of files and buffers: XXH3 of 128 or 64 bits.
package enum ContentHash {
    /// Returns the XXH3-128 of `bytes` in the library's canonical form: 32 hexadecimal digits, the high half first.
    package static func hexadecimal(of bytes: [UInt8]) -> String {
        hexadecimal(XXH3_128bits(bytes, bytes.count))
    }

    /// Returns the XXH3-128 of a buffer, as ``hexadecimal(of:)-([UInt8])`` does.
    package static func hexadecimal(of bytes: UnsafeRawBufferPointer) -> String {
        hexadecimal(XXH3_128bits(bytes.baseAddress, bytes.count))
    }

    /// Returns the XXH3-64 of a buffer.
    package static func hash64(of bytes: UnsafeRawBufferPointer) -> UInt64 {
        XXH3_64bits(bytes.baseAddress, bytes.count)
    }

    /// Returns a finished XXH3-128 in canonical form.
    static func hexadecimal(_ hash: XXH128_hash_t) -> String { digits(hash.high64) + digits(hash.low64) }

    private static func digits(_ half: UInt64) -> String {
        let text = String(half, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
