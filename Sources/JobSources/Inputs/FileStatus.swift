import Base
import Glibc

/// What the file system says about a path; symbolic links are followed.
struct FileStatus {
    let isRegular: Bool
    let isDirectory: Bool
    /// Bytes.
    let size: Int64
    /// As ``FileStamp`` has it.
    let modified: Int64
    /// Device and inode, the same for two names of one folder.
    let identity: FileIdentity

    /// Nil where there is nothing, or where permission is missing.
    init?(_ path: String) {
        guard let status = FileSystem.status(of: path) else { return nil }
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
        size = Int64(status.st_size)
        modified = status.modificationTime
        identity = FileIdentity(status)
    }
}
