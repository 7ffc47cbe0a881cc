import Base

/// A file whose blob must be in the cache.
struct WantedBlob: Sendable {
    let file: String
    let size: Int64
    let digest: BlobDigest
    /// Where the blob belongs.
    let path: String
    /// The blob that is there and has other bytes than it should; nil for none.
    var damaged: FileIdentity?

    /// Whether the blob is there. The size is compared; the bytes were when it was put there.
    var isThere: Bool {
        guard let status = FileSystem.status(of: path), status.st_size == size else { return false }
        return FileIdentity(status) != damaged
    }
}
