/// A hash that is the same in every process, unlike Swift's own hashes.
package enum StableHash {
    /// The value that FNV-1a begins with.
    package static let offsetBasis: UInt64 = 0xcbf2_9ce4_8422_2325

    /// Returns the FNV-1a hash of bytes.
    ///
    /// - Parameter start: The value to begin with, such as the hash of what comes before.
    package static func fnv1a(of bytes: some Sequence<UInt8>, from start: UInt64 = offsetBasis) -> UInt64 {
        bytes.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
