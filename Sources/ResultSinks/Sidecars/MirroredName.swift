import Base

/// The place of a picture in a tree that mirrors where pictures come from.
enum MirroredName {
    /// The longest part of a path that every file system takes, in bytes, with room for an extension.
    private static let maximumPart = 200
    private static let containers = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.zstd", ".parquet"]

    /// Returns the relative path for the picture of a name: the name as it was given, without what would lead out of the tree.
    /// Of an address it has host and path; a shard becomes a folder.
    static func path(of name: String) -> String {
        var text = name
        if let scheme = text.firstRange(of: "://") {
            text = String(text[scheme.upperBound...])
            if let member = ShardMember(name) {
                let address = member.shard[scheme.upperBound...].utf8.prefix { $0 != UInt8(ascii: "?") }
                text = (String(address) ?? "") + "#" + member.member
            } else {
                text = String(text.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }) ?? text
            }
        }
        let parts = Self.openingContainer(text).utf8.split(separator: UInt8(ascii: "/")).compactMap { String($0) }
        let kept = parts.filter { $0 != "." && $0 != ".." }.map(Self.shortened)
        return kept.isEmpty ? "index" : kept.joined(separator: "/")
    }

    /// Makes a folder of the file that holds a picture: `a.tar#b.jpg` becomes `a/b.jpg`.
    private static func openingContainer(_ name: String) -> String {
        let bytes = name.utf8
        for hash in bytes.indices where bytes[hash] == UInt8(ascii: "#") {
            guard let file = String(bytes[..<hash]), let member = String(bytes[bytes.index(after: hash)...]) else {
                continue
            }
            if ShardMember.streams.contains(file) { return "stdin/" + member }
            let lowered = file.lowercased()
            guard let ending = containers.last(where: { lowered.hasSuffix($0) && lowered.count > $0.count }) else {
                continue
            }
            return String(file.dropLast(ending.count)) + "/" + member
        }
        return name
    }

    private static func shortened(_ part: String) -> String {
        guard part.utf8.count > maximumPart else { return part }
        var start = String.UnicodeScalarView()
        var size = 0
        for scalar in part.unicodeScalars {
            size += UTF8.width(scalar)
            guard size <= maximumPart - 33 else { break }
            start.append(scalar)
        }
        // The end that tells long names apart, and the extension, which a sidecar replaces.
        let hash = ContentHash.hexadecimal(of: Array(part.utf8))
        let end = part.pathExtension
        return String(start) + "-" + hash + (end.isEmpty || end.utf8.count > 8 ? "" : "." + end)
    }
}
