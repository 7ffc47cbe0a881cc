extension String {
    /// The text without characters that a terminal obeys or that hide or reorder what stands beside them: these are written as
    /// `\x1B` or `\u{202E}`. Bytes that are not UTF-8 (``SystemText``) are written as `\xE9`.
    ///
    /// Names and messages from outside go through this on their way to a terminal.
    package var onOneLine: String { escaped(keeping: []) }

    /// As ``onOneLine``, but line feeds and tabs stay.
    package var forTerminal: String { escaped(keeping: ["\n", "\t"]) }

    private func escaped(keeping kept: Set<Unicode.Scalar>) -> String {
        guard unicodeScalars.contains(where: { Self.mustBeEscaped($0) && !kept.contains($0) }) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            guard Self.mustBeEscaped(scalar), !kept.contains(scalar) else {
                text.unicodeScalars.append(scalar)
                continue
            }
            switch scalar {
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default:
                if let byte = SystemText.byte(of: scalar) {
                    text += "\\x" + String(byte, radix: 16, uppercase: true)
                } else if scalar.value < 0x80 {
                    text += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16, uppercase: true)
                } else {
                    text += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
                }
            }
        }
        return text
    }

    private static func mustBeEscaped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Controls, and what orders text from right to left or is a line's end elsewhere.
        case 0..<0x20, 0x7F..<0xA0, 0x200B, 0x200E...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF, 0xFFF9...0xFFFB:
            true
        case 0xE0000...0xE007F: true
        default: SystemText.byte(of: scalar) != nil
        }
    }
}
