/// The small text file that Git leaves in place of a large one where Git LFS did not run.
package enum GitLFSPointer {
    private static let firstLine = Array("version https://git-lfs.github.com/spec/".utf8)
    /// The first bytes of a file that ``matches(_:)`` needs.
    package static let prefixBytes = firstLine.count

    /// What is wrong with a file that is a pointer, and what to do, for the end of a message.
    package static let reason =
        "is a Git LFS pointer, not the file itself; run 'git lfs pull' there, or download the file again"

    /// Returns whether the first bytes of a file are those of a pointer.
    package static func matches(_ bytes: some Sequence<UInt8>) -> Bool { bytes.starts(with: firstLine) }
}
