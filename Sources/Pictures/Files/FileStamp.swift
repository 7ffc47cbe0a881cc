import Glibc

/// Size and time of change of a file: enough to see that it is not the one that was submitted.
package struct FileStamp: Sendable, Equatable, Hashable, Codable {
    /// Size in bytes.
    package var size: Int64
    /// Time of the last modification, in nanoseconds since 1970.
    package var modificationTime: Int64

    package init(size: Int64, modificationTime: Int64) {
        self.size = size
        self.modificationTime = modificationTime
    }

    /// The stamp of the regular file at `path`.
    ///
    /// - Throws: ``ImageError`` with the codes `missing`, `is_directory`, `unreadable`.
    package init(path: String) throws(ImageError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw ImageError.system(errno, at: path) }
        try self.init(status, path: path)
    }

    init(_ status: stat, path: String) throws(ImageError) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw ImageError(.isDirectory, at: path, "this is a directory, not a picture")
        default: throw ImageError(.unreadable, at: path, "this is not a regular file")
        }
        size = Int64(status.st_size)
        modificationTime = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}

extension ImageError {
    /// The error of a system call on a file.
    static func system(_ number: Int32, at path: String) -> ImageError {
        switch number {
        case ENOENT, ENOTDIR: ImageError(.missing, at: path, "there is no such file")
        case EISDIR: ImageError(.isDirectory, at: path, "this is a directory, not a picture")
        case EACCES, EPERM: ImageError(.unreadable, at: path, "the file may not be read; check its permissions")
        default: ImageError(.unreadable, at: path, "the file cannot be read: \(String(cString: strerror(number)))")
        }
    }
}
