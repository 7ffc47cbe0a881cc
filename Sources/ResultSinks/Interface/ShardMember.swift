import Base

/// The name of a picture inside a tar shard: `path/shard.tar#member.jpg`.
package struct ShardMember: Sendable, Equatable {
    /// The path or address of the shard.
    package let shard: String
    package let member: String

    /// What stands for the shard that comes from standard input.
    static let streams: Set<String> = ["-", "standard input"]
    private static let endings = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.zstd"]

    /// Returns nil for a name that is none of a member.
    package init?(_ name: String) {
        let bytes = name.utf8
        for hash in bytes.indices where bytes[hash] == UInt8(ascii: "#") {
            guard let shard = String(bytes[..<hash]), let member = String(bytes[bytes.index(after: hash)...]) else {
                continue
            }
            guard Self.streams.contains(shard) || Self.ending(of: Self.withoutQuery(shard)) != nil, !member.isEmpty
            else { continue }
            (self.shard, self.member) = (shard, member)
            return
        }
        return nil
    }

    /// The name of the shard that answers go to: the last part of its path, with the ending of a tar archive that is not
    /// compressed.
    package var outputName: String {
        let name = Self.streams.contains(shard) ? "stdin.tar" : Self.withoutQuery(shard).lastPathPart
        return String(name.dropLast(Self.ending(of: name)?.count ?? 0)) + ".tar"
    }

    private static func ending(of name: String) -> String? {
        let lowered = name.lowercased()
        return endings.first { lowered.utf8.count > $0.utf8.count && lowered.hasSuffix($0) }
    }

    private static func withoutQuery(_ address: String) -> String {
        guard address.contains("://") else { return address }
        return String(address.utf8.prefix { $0 != UInt8(ascii: "?") }) ?? address
    }
}
