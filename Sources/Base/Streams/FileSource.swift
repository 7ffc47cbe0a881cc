import Glibc

/// The bytes of an open file, pipe or device. A regular file is read from where its descriptor stands, which does not
/// move: the source counts for itself, and passes over bytes without reading them.
package final class FileSource: ByteSource {
    /// The path, or what messages call the file.
    package let name: String
    /// Whether the file is a regular one, so that bytes at an offset can be read again.
    package let isSeekable: Bool
    private let descriptor: Int32
    private let ownsDescriptor: Bool
    /// Place of the next byte in a regular file, in bytes from its start.
    package private(set) var position: Int

    /// Opens the file at `path`.
    ///
    /// - Throws: ``FileError`` with the codes `missing`, `unreadable`, `is_directory`.
    package convenience init(path: String) throws(FileError) {
        let descriptor = FileSystem.open(path, O_RDONLY)
        guard descriptor >= 0 else { throw FileError(SystemError(errno), at: path) }
        self.init(descriptor: descriptor, name: path, ownsDescriptor: true)
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw FileError(SystemError(EISDIR), at: path)
        }
    }

    /// Opens the file at `path`, or standard input where that is `-`.
    ///
    /// - Throws: as ``init(path:)``.
    package convenience init(pathOrStandardInput path: String) throws(FileError) {
        guard path == "-" else {
            try self.init(path: path)
            return
        }
        self.init(descriptor: STDIN_FILENO, name: "standard input")
    }

    /// - Parameters:
    ///   - name: names the file in an error.
    ///   - ownsDescriptor: whether the descriptor is closed with this object.
    package init(descriptor: Int32, name: String, ownsDescriptor: Bool = false) {
        var status = stat()
        self.name = name
        self.descriptor = descriptor
        self.ownsDescriptor = ownsDescriptor
        isSeekable = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        position = isSeekable ? max(0, Int(lseek(descriptor, 0, SEEK_CUR))) : 0
    }

    deinit {
        if ownsDescriptor { close(descriptor) }
    }

    /// - Throws: ``FileError`` with the code `unreadable`.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count =
                isSeekable
                ? pread(descriptor, buffer.baseAddress, buffer.count, off_t(position))
                : Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileError(SystemError(errno), at: name) }
            position += isSeekable ? count : 0
            return count
        }
    }

    /// - Throws: ``FileError`` with the code `unreadable`.
    package func skip(_ count: Int) throws -> Int {
        guard isSeekable else { return try skipByReading(count) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError(SystemError(errno), at: name) }
        let passed = min(max(count, 0), max(0, Int(status.st_size) - position))
        position += passed
        return passed
    }

    private func skipByReading(_ count: Int) throws -> Int {
        let reader = ClosureSource { try self.read(into: $0) }
        return try reader.skip(count)
    }
}
