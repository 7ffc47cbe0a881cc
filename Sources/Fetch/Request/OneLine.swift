/// Text from a server or a list, fit for one line of a message.
enum OneLine {
    /// Returns the bytes as text without control characters, cut at `maximumLength` bytes.
    static func text(_ bytes: some Collection<UInt8>, maximumLength: Int) -> String {
        let text = String(decoding: bytes.prefix(maximumLength), as: UTF8.self)
        let scalars = text.unicodeScalars.map { isControl($0) ? " " : $0 }
        return String(String.UnicodeScalarView(scalars)) + (bytes.count > maximumLength ? "…" : "")
    }

    /// Whether a terminal may obey the character instead of showing it.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
