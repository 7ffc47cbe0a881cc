/// The header X-Robots-Tag: `directive, directive` for all programs or `agent: directive, directive` for one.
package enum RobotsTag {
    /// The directives with which owners close pictures to data sets.
    private static let closing: Set<String> = ["noai", "noimageai", "noindex", "noimageindex"]
    /// Directives that have a value behind a colon, which is no agent's name then.
    private static let valued: Set<String> = [
        "unavailable_after", "max-snippet", "max-image-preview", "max-video-preview",
    ]

    /// Returns the directive that closes the response to this agent; nil where none does.
    ///
    /// - Parameter userAgent: what stands before a `/` is the name.
    package static func closingDirective(in values: [String], userAgent: String) -> String? {
        let agent = userAgent.prefix { $0 != "/" && $0 != " " }.lowercased()
        for value in values {
            // A name is for the directives behind it, up to the next name.
            var isAddressed = true
            for part in value.lowercased().split(separator: ",") {
                var directive = part[...]
                if let colon = part.firstIndex(of: ":") {
                    let name = trimmed(part[..<colon])
                    if !valued.contains(name) {
                        isAddressed = name == agent || name == "*"
                        directive = part[part.index(after: colon)...]
                    }
                }
                let word = trimmed(directive)
                if isAddressed, closing.contains(word) { return word }
            }
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
