/// The header Content-Range: `bytes FIRST-LAST/TOTAL`, or `bytes */TOTAL` where the part is not there.
package struct ContentRange: Equatable {
    /// The first and the last byte; nil for `*`.
    package let part: ClosedRange<Int64>?
    /// Size of the whole; nil for `*`.
    package let total: Int64?

    /// - Returns: nil where the text is none, or its numbers contradict each other.
    package init?(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let sides = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard sides.count == 2 else { return nil }
        if sides[1] == "*" {
            total = nil
        } else {
            guard let value = Self.number(sides[1]) else { return nil }
            total = value
        }
        if sides[0] == "*" {
            part = nil
            return
        }
        let ends = sides[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]), first <= last,
            last < total ?? .max
        else { return nil }
        part = first...last
    }

    private static func number(_ text: Substring) -> Int64? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int64(text) : nil
    }
}
