import CXXHash

/// The hash of several parts, each preceded by its length, so that no two lists of parts have the same bytes.
package struct PartsHash: ~Copyable {
    private let state: OpaquePointer?

    package init() {
        state = XXH3_createState()
        XXH3_128bits_reset(state)
    }

    deinit { XXH3_freeState(state) }

    /// Adds one part: its length as a little-endian UInt64, then its bytes.
    package mutating func add(_ part: UnsafeRawBufferPointer) {
        var count = UInt64(part.count).littleEndian
        XXH3_128bits_update(state, &count, 8)
        XXH3_128bits_update(state, part.baseAddress, part.count)
    }

    /// Adds the UTF-8 of a text as one part.
    package mutating func add(text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    /// Returns the XXH3-128 of everything that was added, as 32 hexadecimal digits.
    package func hexadecimal() -> String { ContentHash.hexadecimal(XXH3_128bits_digest(state)) }
}
