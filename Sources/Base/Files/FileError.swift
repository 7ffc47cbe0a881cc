import Glibc

/// Why a file cannot be read. The code goes into a job's result, the text tells a person what to do.
package struct FileError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// There is no such file.
        case missing
        /// The file is there but cannot be read: permissions, a device, a failing disk.
        case unreadable
        /// The path is a directory.
        case isDirectory = "is_directory"
        /// The file has more bytes than may be read.
        case tooLarge = "too_large"
        /// The file changed while it was read, or is not the one that was expected.
        case changed
        /// The file is not below the folder that files are read from.
        case notPermitted = "not_permitted"
    }

    package let code: Code
    package let path: String
    package let reason: String

    package init(_ code: Code, at path: String, _ reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }

    /// The error of a system call on the file.
    package init(_ error: SystemError, at path: String) {
        switch error.number {
        case ENOENT, ENOTDIR: self.init(.missing, at: path, "there is no such file")
        case EISDIR: self.init(.isDirectory, at: path, "this is a directory, not a file")
        case EXDEV:
            self.init(
                .notPermitted, at: path,
                "these workers read files below their --picture-root only; put the picture there, or submit it with --embed"
            )
        case EINVAL where path.utf8.contains(0):
            self.init(.missing, at: path, "the name holds a NUL character, which no file's name can")
        case EACCES, EPERM: self.init(.unreadable, at: path, "the file may not be read; check its permissions")
        default: self.init(.unreadable, at: path, "the file cannot be read: \(error)")
        }
    }

    package var description: String { "\(path): \(reason)" }
}
