import Base

/// The name of a picture inside a tar shard: `path/shard.tar#member.jpg`.
package struct ShardMember: Sendable, Equatable {
    /// The path or address of the shard.
    package let shard: String
    package let member: String
    /// The name of the shard that answers go to: the last part of its path, with the ending of a tar archive that is not
    /// compressed.
    package let outputName: String

    /// Returns nil for a name that is none of a member.
    package init?(_ name: String) {
        guard let found = ContainerMember(name) else { return nil }
        (shard, member) = (found.container, found.member)
        outputName = found.stem.lastPathPart + ".tar"
    }
}
