import Glibc

/// Size and modification time of a file: enough to see that it is not the one that was submitted.
package struct FileStamp: Sendable, Equatable, Hashable, Codable {
    /// Size in bytes.
    package var size: Int64
    /// Time of the last modification, in nanoseconds since 1970, modulo 2^64: a file system may say any second, and what counts
    /// is whether two times are the same.
    package var modificationTime: Int64

    package init(size: Int64, modificationTime: Int64) {
        self.size = size
        self.modificationTime = modificationTime
    }

    /// Reads the stamp of the regular file at `path`.
    ///
    /// - Parameter root: the folder below which it has to be; nil for any.
    /// - Throws: ``FileError`` with the codes `missing`, `is_directory`, `unreadable`, `not_permitted`.
    package init(path: String, in root: FileRoot? = nil) throws(FileError) {
        guard let status = root.status(of: path) else { throw FileError(SystemError(errno), at: path) }
        try self.init(status, path: path)
    }

    /// Reads the stamp of the regular file that is open as `descriptor`.
    ///
    /// - Parameter path: names the file in an error.
    /// - Throws: ``FileError`` with the codes `is_directory`, `unreadable`.
    package init(descriptor: Int32, path: String) throws(FileError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError(SystemError(errno), at: path) }
        try self.init(status, path: path)
    }

    private init(_ status: stat, path: String) throws(FileError) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw FileError(SystemError(EISDIR), at: path)
        default: throw FileError(.unreadable, at: path, "this is not a regular file")
        }
        size = Int64(status.st_size)
        modificationTime = status.modificationTime
    }
}

extension stat {
    /// The time of the last modification as ``FileStamp`` has it.
    package var modificationTime: Int64 {
        Int64(st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(st_mtim.tv_nsec)
    }
}
