import Base

/// The XXH3-128 of a text, as a key of 16 bytes.
struct Digest: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    init(_ text: String) {
        let digits = ContentHash.hexadecimal(of: Array(text.utf8))
        high = UInt64(digits.prefix(16), radix: 16) ?? 0
        low = UInt64(digits.suffix(16), radix: 16) ?? 0
    }

    /// Returns nil where the text is not 32 hexadecimal digits.
    init?(hexadecimal digits: Substring) {
        guard digits.utf8.count == 32, let high = UInt64(digits.prefix(16), radix: 16),
            let low = UInt64(digits.suffix(16), radix: 16)
        else { return nil }
        (self.high, self.low) = (high, low)
    }

    var hexadecimal: String {
        [high, low].map { half in
            let text = String(half, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }.joined()
    }
}
