/// A member of a tar archive.
package struct TarMember: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case file, hardLink, symbolicLink, characterDevice, blockDevice, directory, pipe
        /// Anything else, by the letter of its type.
        case other(UInt8)
    }

    /// The name, as ``SystemText`` where it is not UTF-8.
    package let name: String
    package let kind: Kind
    /// What a link points to; empty for others.
    package let linkName: String
    /// Size of the content, in bytes.
    package let size: Int
    /// Place of the content, in bytes from the start of the file, to be read from there. Nil where the archive is
    /// compressed or a stream.
    package let offset: Int?
}
