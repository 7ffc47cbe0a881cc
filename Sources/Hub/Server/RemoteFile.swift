/// A file of a repository.
struct RemoteFile: Sendable {
    let path: String
    /// In bytes.
    let size: Int64
    /// What the listing says of its bytes; nil where it says nothing.
    let digest: BlobDigest?
}
