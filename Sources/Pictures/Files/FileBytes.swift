import Glibc

/// A whole file in memory, with the stamp of the very descriptor that it was read from.
package struct FileBytes {
    package let bytes: [UInt8]
    package let stamp: FileStamp

    /// Largest file that is read, in bytes. No picture within the pixel limit needs as much.
    package static let largest: Int64 = 1 << 30

    /// - Parameter largest: in bytes, of what is read.
    /// - Throws: ``ImageError`` with the codes `missing`, `is_directory`, `unreadable`, `too_large`, `changed`.
    package init(path: String, largest: Int64 = FileBytes.largest) throws(ImageError) {
        // Not blocking: a pipe without a writer would otherwise be waited for before it can be refused.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ImageError.system(errno, at: path) }
        defer { close(descriptor) }
        stamp = try FileBytes.stamp(of: descriptor, path: path)
        guard stamp.size <= largest else {
            throw ImageError(
                .tooLarge, at: path, "the file has \(stamp.size) bytes; at most \(largest) are read")
        }
        bytes = try FileBytes.read(descriptor, count: Int(stamp.size), path: path)
        guard bytes.count == Int(stamp.size), try FileBytes.stamp(of: descriptor, path: path) == stamp else {
            throw ImageError(.changed, at: path, "the file changed while it was read")
        }
    }

    private static func stamp(of descriptor: Int32, path: String) throws(ImageError) -> FileStamp {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw ImageError.system(errno, at: path) }
        return try FileStamp(status, path: path)
    }

    private static func read(_ descriptor: Int32, count: Int, path: String) throws(ImageError) -> [UInt8] {
        // With no room at all the initializer below writes its 0 into the empty array that all threads share.
        guard count > 0 else { return [] }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let step = Glibc.read(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled)
                if step < 0 && errno == EINTR { continue }
                if step < 0 { failure = errno }
                if step <= 0 { break }
                filled += step
            }
        }
        guard failure == 0 else { throw ImageError.system(failure, at: path) }
        return bytes
    }
}
