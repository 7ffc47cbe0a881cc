import Glibc

/// Bytes of known number, of which any range can be read: of a file, or of an object of a server. Threads may read at
/// the same time.
package protocol ByteRangeSource: Sendable {
    /// The number of bytes.
    var size: Int { get }

    /// Fills `buffer` with the bytes from `offset` on, all of which the source has.
    ///
    /// - Throws: the error of what the bytes come from, also where they end before the buffer is full.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws
}

extension ByteRangeSource {
    /// Returns `count` bytes from `offset` on, all of which the source has.
    ///
    /// - Throws: the error of what the bytes come from.
    package func bytes(at offset: Int, count: Int) throws -> [UInt8] {
        // With a capacity of 0 the initializer below would write its count into the empty array that all threads share.
        guard count > 0 else { return [] }
        return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
            filled = count
        }
    }
}

/// The bytes of a regular file.
package final class FileRangeSource: ByteRangeSource {
    package let size: Int
    private let path: String
    private let descriptor: Int32

    /// Opens the file at `path`.
    ///
    /// - Parameter root: the folder below which it has to be; nil for any.
    /// - Throws: ``FileError`` with the codes `missing`, `unreadable`, `is_directory`, `not_permitted`.
    package init(path: String, in root: FileRoot? = nil) throws(FileError) {
        // Non-blocking: opening a pipe would otherwise wait for a writer before the pipe can be refused.
        let descriptor = root.open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError(SystemError(errno), at: path) }
        do throws(FileError) {
            size = Int(try FileStamp(descriptor: descriptor, path: path).size)
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// - Throws: ``FileError`` with the codes `unreadable`, and `changed` where the file has become shorter.
    package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        var filled = 0
        while filled < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled, off_t(offset + filled))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileError(SystemError(errno), at: path) }
            guard count > 0 else { throw FileError(.changed, at: path, "the file became shorter while it was read") }
            filled += count
        }
    }
}
