import Base

/// What is known of a file from the time when it was submitted. What is nil is not verified.
package struct FileExpectation: Sendable, Equatable {
    /// Size in bytes.
    package var size: Int64?
    /// The time of its last modification, as ``FileStamp`` has it.
    package var modificationTime: Int64?
    /// XXH3-128 of its bytes, 32 hexadecimal digits.
    package var contentHash: String?

    package init(size: Int64? = nil, modificationTime: Int64? = nil, contentHash: String? = nil) {
        self.size = size
        self.modificationTime = modificationTime
        self.contentHash = contentHash
    }

    /// Expects a file of this size and time.
    package init(_ stamp: FileStamp) { self.init(size: stamp.size, modificationTime: stamp.modificationTime) }

    /// - Throws: ``ImageError`` with the code `changed` where a file has another stamp.
    package func verify(_ stamp: FileStamp, path: String) throws(ImageError) {
        if let size, size != stamp.size {
            throw ImageError(
                .changed, at: path,
                "the file had \(size) bytes when it was submitted and has \(stamp.size) now; submit it again")
        }
        if let modificationTime, modificationTime != stamp.modificationTime {
            throw ImageError(
                .changed, at: path,
                "the file's time of change is another than when it was submitted; `paligemma retry` takes it as it is now, and "
                    + "--verify size or content submits files that are copied or restamped")
        }
    }

    /// - Throws: ``ImageError`` with the code `changed` where the bytes have another hash.
    package func verify(contentHash hash: String, path: String) throws(ImageError) {
        guard let contentHash, contentHash != hash else { return }
        throw ImageError(.changed, at: path, "the file's bytes are others than when it was submitted; submit it again")
    }
}
