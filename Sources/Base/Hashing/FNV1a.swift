/// The 64-bit hash FNV-1a, for short texts: the same in every process, unlike Swift's own hashes.
package enum FNV1a {
    /// The state that the hash of an empty text has.
    package static let offsetBasis: UInt64 = 0xcbf2_9ce4_8422_2325
    private static let prime: UInt64 = 0x100_0000_01b3

    /// Returns the hash of a text's UTF-8 bytes.
    ///
    /// - Parameter state: where the hash starts; another state gives an independent hash.
    package static func hash(of text: String, from state: UInt64 = offsetBasis) -> UInt64 {
        text.utf8.reduce(state) { ($0 ^ UInt64($1)) &* prime }
    }
}
