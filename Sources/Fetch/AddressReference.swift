/// Finds what a reference means that stands in a resource, as a name in a table of a server does (RFC 3986, section 5).
package enum AddressReference {
    /// Returns whether a text is an address that can be fetched.
    package static func isAddress(_ text: String) -> Bool {
        S3Location.isObject(text) || ["http://", "https://"].contains { text.prefix($0.count).lowercased() == $0 }
    }

    /// Returns the path of an address without the query that may follow it: of `https://host/a/b.csv?key=1` that is
    /// `https://host/a/b.csv`. All of a key of an object is its path.
    package static func path(of address: String) -> String {
        guard !S3Location.isObject(address) else { return address }
        return String(address.prefix { $0 != "?" && $0 != "#" })
    }

    /// Returns the folder of an address, which ends with `/`.
    package static func folder(of address: String) -> String {
        let (root, path) = parts(Self.path(of: address))
        return root + path[...(path.lastIndex(of: "/") ?? path.startIndex)]
    }

    /// Returns the address that a name means.
    ///
    /// - Parameters:
    ///   - name: A name beside the base, like `pictures/a.jpg`; `/a.jpg` begins at the host or bucket. In names on web
    ///     servers `?` begins a query. An address means itself.
    ///   - base: The address of a folder; without a `/` at its end too.
    package static func resolved(_ name: String, in base: String) -> String {
        guard !isAddress(name) else { return name }
        let (root, path) = parts(Self.path(of: base))
        let isWeb = !S3Location.isObject(root)
        if isWeb, name.hasPrefix("//") { return root.prefix { $0 != "/" } + name }
        let query = isWeb ? name.firstIndex { $0 == "?" || $0 == "#" } ?? name.endIndex : name.endIndex
        let folder = path.hasSuffix("/") ? path : path + "/"
        let whole = name.hasPrefix("/") ? String(name[..<query]) : folder + name[..<query]
        return root + withoutDots(whole) + name[query...]
    }

    /// The scheme with the host, and the path from its `/` on, which is `/` where there is none.
    private static func parts(_ address: String) -> (root: String, path: String) {
        guard let separator = address.firstRange(of: "://") else { return ("", address) }
        guard let slash = address[separator.upperBound...].firstIndex(of: "/") else { return (address, "/") }
        return (String(address[..<slash]), String(address[slash...]))
    }

    /// Takes `.` and `..` out of a path; none leads above its root.
    private static func withoutDots(_ path: String) -> String {
        var parts: [Substring] = []
        let given = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (index, part) in given.enumerated() {
            let isLast = index == given.count - 1
            switch part {
            case ".": if isLast { parts.append("") }
            case "..":
                _ = parts.popLast()
                if isLast { parts.append("") }
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }
}
