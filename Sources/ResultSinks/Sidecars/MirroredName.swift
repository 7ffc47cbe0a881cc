import Archives
import Base

/// The place of a picture in a tree that mirrors where pictures come from.
enum MirroredName {
    /// The longest part of a path that every file system takes, in bytes, with room for an extension.
    private static let maximumPart = 200
    private static let containers = ShardEnding.all + [".parquet"]

    /// Returns the relative path for the picture of a name: the name as it was given, without what would lead out of the tree.
    /// Of an address it has host and path; a shard becomes a folder.
    static func path(of name: String) -> String {
        let parts = opened(name).utf8.split(separator: UInt8(ascii: "/")).compactMap { String($0) }
        let kept = parts.filter { $0 != "." && $0 != ".." }.map(Self.shortened)
        return kept.isEmpty ? "index" : kept.joined(separator: "/")
    }

    /// Makes a folder of the file that holds a picture, `a.tar#b.jpg` becomes `a/b.jpg`, and leaves of an address host and path.
    private static func opened(_ name: String) -> String {
        if let found = ContainerMember(name, endings: containers) {
            return withoutScheme(found.stem) + "/" + found.member
        }
        let path = withoutScheme(name)
        guard path.utf8.count < name.utf8.count else { return name }
        return String(path.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }) ?? path
    }

    private static func withoutScheme(_ address: String) -> String {
        guard let scheme = address.firstRange(of: "://") else { return address }
        return String(address[scheme.upperBound...])
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
