/// An http or https address, encoded as it goes over the wire.
package struct WebAddress: Equatable, Sendable {
    /// The whole address. Spaces and bytes beyond ASCII are percent-encoded; what was encoded stays as it is.
    package let text: String
    /// Scheme, host in lower case and port: what transfers are counted by.
    package let origin: String
    /// The host in lower case, without brackets.
    package let host: String

    /// - Throws: ``FetchError`` with code `bad_url`.
    package init(_ address: String) throws(FetchError) {
        func fault(_ reason: String) -> FetchError { FetchError(.badURL, at: MaskedURL.text(address), reason) }
        guard address.utf8.count <= 16384 else { throw fault("an address has at most 16384 bytes") }
        guard !address.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw fault("an address holds no control characters")
        }
        guard let separator = address.firstRange(of: "://") else {
            throw fault("this is no address; one starts with http://, https:// or s3://")
        }
        let scheme = address[..<separator.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else {
            throw fault("only http://, https:// and s3:// are fetched")
        }
        let rest = address[separator.upperBound...]
        let authority = rest.prefix { !"/?#\\".contains($0) }
        let place = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        // libcurl takes a backslash for a part of the user's name, browsers for a slash: two hosts in one address.
        guard rest[authority.endIndex...].first != "\\", let (host, port) = Self.hostAndPort(place) else {
            throw fault("the address names no host, or its port is no number up to 65535")
        }
        self.host = host
        origin = "\(scheme)://\(host):\(port ?? (scheme == "https" ? 443 : 80))"
        text = scheme + "://" + authority + Self.encoded(rest[authority.endIndex...])
    }

    private static func hostAndPort(_ place: Substring) -> (host: String, port: Int?)? {
        let host: Substring
        var rest: Substring
        if place.first == "[" {
            guard let end = place.lastIndex(of: "]") else { return nil }
            host = place[place.index(after: place.startIndex)..<end]
            rest = place[place.index(after: end)...]
        } else {
            host = place.prefix { $0 != ":" }
            rest = place[host.endIndex...]
        }
        // A final dot names the same host.
        let name = host.lowercased().trimmingSuffix(".")
        guard !name.isEmpty, name.utf8.allSatisfy({ isOfHost($0, isBracketed: place.first == "[") }) else { return nil }
        if rest.isEmpty || rest == ":" { return (name, nil) }
        guard rest.removeFirst() == ":", rest.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(rest),
            port <= 65535
        else { return nil }
        return (name, port)
    }

    /// No percent sign: a host that is compared must be the one that is asked.
    private static func isOfHost(_ byte: UInt8, isBracketed: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...0xFF: true
        case UInt8(ascii: ":"): isBracketed
        default: ".-_".utf8.contains(byte)
        }
    }

    /// Encodes what a request line cannot hold: spaces, bytes beyond ASCII, quotes and braces.
    private static func encoded(_ text: Substring) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            if byte <= 0x20 || byte >= 0x7F || "\"<>\\^`{|}".utf8.contains(byte) {
                result += PercentEncoding.triplet(byte)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

extension String {
    /// Returns the text without this character at its end.
    fileprivate func trimmingSuffix(_ character: Character) -> String { last == character ? String(dropLast()) : self }
}
