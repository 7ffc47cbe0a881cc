/// The part of an address that may be shown: ids and results hold it, and the whole address is only fetched from.
enum PublicAddress {
    /// Parameters of signed addresses, in lower case; they change with every signature.
    private static let signing: Set<String> = [
        "signature", "sig", "awsaccesskeyid", "googleaccessid", "expires", "key-pair-id", "policy", "token",
        "access_token",
        "se", "sp", "sv", "sr", "st", "spr", "ske", "skt", "sks", "skv", "skoid", "sktid",
    ]

    /// Returns the address without user and password, and without the parameters that sign it.
    static func text(of address: String) -> String {
        guard let scheme = address.firstRange(of: "://") else { return address }
        let rest = address[scheme.upperBound...]
        let authority = rest.utf8.prefix { !"/?#".utf8.contains($0) }
        let host =
            authority.lastIndex(of: UInt8(ascii: "@")).map { authority[authority.index(after: $0)...] } ?? authority
        let tail = rest.utf8.dropFirst(authority.count)
        let path = tail.prefix { $0 != UInt8(ascii: "?") }
        var text = String(address[..<scheme.upperBound]) + (String(host) ?? "") + (String(path) ?? "")
        let query = tail.dropFirst(path.count).dropFirst().split(separator: UInt8(ascii: "&")).compactMap { String($0) }
        let kept = query.filter { parameter in
            let name = parameter.prefix { $0 != "=" }.lowercased()
            return !signing.contains(name) && !name.hasPrefix("x-amz-") && !name.hasPrefix("x-goog-")
        }
        if !kept.isEmpty { text += "?" + kept.joined(separator: "&") }
        return text
    }
}
