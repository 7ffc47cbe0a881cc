import Glibc

/// A whole file in memory, with the stamp of the very descriptor that it was read from.
package struct FileBytes {
    package let bytes: [UInt8]
    package let stamp: FileStamp

    /// Size of the largest file that is read, in bytes. No picture within the pixel limit needs as much.
    package static let maximumSize: Int64 = 1 << 30

    /// Reads the file at `path`.
    ///
    /// - Parameters:
    ///   - root: the folder below which it has to be; nil for any.
    ///   - maximumSize: in bytes; a larger file is refused before anything is allocated for it.
    /// - Throws: ``FileError`` with any of its codes.
    package init(
        path: String, in root: FileRoot? = nil, maximumSize: Int64 = FileBytes.maximumSize
    ) throws(FileError) {
        // Non-blocking: opening a pipe would otherwise wait for a writer before the pipe can be refused.
        let descriptor = root.open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError(SystemError(errno), at: path) }
        defer { close(descriptor) }
        stamp = try FileStamp(descriptor: descriptor, path: path)
        guard stamp.size <= maximumSize else {
            throw FileError(
                .tooLarge, at: path, "the file has \(stamp.size) bytes; at most \(maximumSize) are read")
        }
        do throws(SystemError) {
            bytes = try FileBytes.read(descriptor, count: Int(stamp.size))
        } catch {
            throw FileError(error, at: path)
        }
        guard bytes.count == Int(stamp.size), try FileStamp(descriptor: descriptor, path: path) == stamp else {
            throw FileError(.changed, at: path, "the file changed while it was read")
        }
    }

    /// Reads at most `count` bytes, fewer where the file ends before.
    private static func read(_ descriptor: Int32, count: Int) throws(SystemError) -> [UInt8] {
        // With a capacity of 0 the initializer below would write its count into the empty array that all threads share.
        guard count > 0 else { return [] }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            LargePages.advise(UnsafeMutableRawBufferPointer(buffer))
            while filled < count {
                let step = Glibc.read(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled)
                if step < 0 && errno == EINTR { continue }
                if step < 0 { failure = errno }
                if step <= 0 { break }
                filled += step
            }
        }
        guard failure == 0 else { throw SystemError(failure) }
        return bytes
    }
}
