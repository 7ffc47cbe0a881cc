/// An address as a message may show it: without user names, passwords, the values of a query, and control characters.
package enum MaskedURL {
    private static let mask = "***"
    /// The most bytes of an address that a message shows.
    private static let maximumLength = 500

    /// Returns the address with `***` in place of what may be secret. It works on the text and not on what a parser
    /// makes of it: in an address that is none, a password that holds `?`, `#`, `/` or `@` is masked too.
    package static func text(_ address: String) -> String {
        let bytes = Array(address.utf8)
        guard let separator = firstIndex(of: "://", in: bytes) else { return shown(masked(bytes[...])) }
        let scheme = bytes[..<(separator + 3)]
        let rest = bytes[(separator + 3)...]
        // In the key of an object, ? and # are ordinary characters, but a presigned query may have been pasted behind
        // one.
        let authority = rest.prefix { !"/?#\\".utf8.contains($0) }
        let mayHoldUser = authority.contains(UInt8(ascii: "@")) || authority.contains(UInt8(ascii: ":"))
        if mayHoldUser, let at = rest.lastIndex(of: UInt8(ascii: "@")) {
            let host = rest[(at + 1)...]
            return shown(Array(scheme) + Array(mask.utf8) + [UInt8(ascii: "@")] + masked(host))
        }
        if !hasValidPort(authority) { return shown(Array(scheme) + Array(mask.utf8)) }
        return shown(Array(scheme) + masked(rest))
    }

    /// What of an address must not stand in a message that a server wrote: its user, its password, the values of its
    /// query.
    static func secrets(in address: String) -> [String] {
        let query = address.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
        let values = query.split(separator: "&").map { $0.split(separator: "=", maxSplits: 1).last ?? "" }
        let authority = address.split(separator: "/").dropFirst().first ?? ""
        let user = authority.lastIndex(of: "@").map { authority[..<$0].split(separator: ":") } ?? []
        // A short value, like a width, would be found in many words.
        return (values + user).map(String.init).filter { $0.utf8.count >= 6 }
    }

    /// Whether what follows the last colon outside brackets is digits only: anything else may be a password.
    private static func hasValidPort(_ authority: ArraySlice<UInt8>) -> Bool {
        if authority.first == UInt8(ascii: "["), let end = authority.lastIndex(of: UInt8(ascii: "]")) {
            let port = authority[(end + 1)...]
            return port.isEmpty || (port.first == UInt8(ascii: ":") && port.dropFirst().allSatisfy(isDigit))
        }
        let parts = authority.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        return parts.count == 1 || (parts.count == 2 && parts[1].allSatisfy(isDigit))
    }

    /// Masks the values of a query, and a part of it that has no name; drops the fragment, which no server sees.
    private static func masked(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let start = text.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        guard let start else { return Array(text) }
        var result = Array(text[..<start])
        guard text[start] == UInt8(ascii: "?") else { return result + Array("#\(mask)".utf8) }
        result.append(text[start])
        let parts = text[(start + 1)...].split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        let shownParts = parts.prefix(8).map { part in
            let name = part.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "#") }
            let isNamed = name.endIndex < part.endIndex && part[name.endIndex] == UInt8(ascii: "=")
            return isNamed ? Array(name) + Array("=\(mask)".utf8) : Array(mask.utf8)
        }
        result += shownParts.joined(separator: [UInt8(ascii: "&")])
        return result
    }

    /// Returns the bytes as text of one line and a bounded length.
    private static func shown(_ bytes: [UInt8]) -> String {
        OneLine.text(bytes, maximumLength: maximumLength)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func firstIndex(of text: String, in bytes: [UInt8]) -> Int? {
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return nil }
        return (0...(bytes.count - wanted.count)).first { bytes[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }
}
