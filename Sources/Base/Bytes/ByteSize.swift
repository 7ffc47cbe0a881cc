/// A number of bytes as users write it: 2g, 512m, 64k or 1000000.
package struct ByteSize: Sendable, Equatable {
    package let bytes: Int

    /// Returns nil where the text is no size above zero.
    ///
    /// - Parameter allowsZero: whether "0" is a size too.
    package init?(_ text: String, allowsZero: Bool = false) {
        if allowsZero, text == "0" {
            bytes = 0
            return
        }
        let shifts: [Character: Int] = ["k": 10, "m": 20, "g": 30]
        guard let last = text.lowercased().last else { return nil }
        let shift = shifts[last]
        guard let value = Double(shift == nil ? Substring(text) : text.dropLast()), value > 0 else {
            return nil
        }
        let size = value * Double(1 << (shift ?? 0))
        guard size >= 1, size < 1e18 else { return nil }
        bytes = Int(size)
    }
}
