import Fetch

/// The name of a blob, which is a digest of its bytes.
enum BlobDigest: Sendable, Hashable {
    /// SHA-256 of the bytes, for large files.
    case sha256(String)
    /// SHA-1 of `blob SIZE`, NUL and the bytes, as git names a file.
    case git(String)

    /// - Returns: nil for a text that is neither 64 nor 40 hexadecimal digits.
    init?(_ text: String) {
        guard text.utf8.allSatisfy(ModelReference.isHexadecimal) else { return nil }
        switch text.utf8.count {
        case 64: self = .sha256(text)
        case 40: self = .git(text)
        default: return nil
        }
    }

    /// Reads an entity tag, as `"…"` or `W/"…"`.
    init?(entityTag: String) {
        var text = entityTag[...]
        if text.hasPrefix("W/") { text = text.dropFirst(2) }
        if text.hasPrefix("\""), text.hasSuffix("\""), text.count >= 2 { text = text.dropFirst().dropLast() }
        self.init(String(text))
    }

    /// The file's name in the folder of blobs.
    var text: String {
        switch self {
        case .sha256(let text), .git(let text): text
        }
    }

    /// What the digits are, for a message.
    var kind: String {
        switch self {
        case .sha256: "SHA-256"
        case .git: "git's SHA-1"
        }
    }

    /// Begins to compute the digest of a file of so many bytes.
    ///
    /// - Throws: ``HubError`` where there is no memory.
    func begin(size: Int64) throws(HubError) -> RunningDigest {
        let digest: RunningDigest? =
            switch self {
            case .sha256: RunningDigest(.sha256)
            case .git: RunningDigest(.sha1)
            }
        guard let digest else { throw HubError(.checksum, at: text, "there is no memory to compute the checksum") }
        if case .git = self { Array("blob \(size)\0".utf8).withUnsafeBytes { digest.update($0) } }
        return digest
    }
}
