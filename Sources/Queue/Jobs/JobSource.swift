import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A source of jobs to submit, which returns one after the other, so that a million need little memory.
package protocol JobSource: AnyObject {
    /// Returns the next job, nil at the end. A job that is not valid has a `fault`.
    ///
    /// - Throws: `unreadable` where the source itself cannot be read.
    func next() throws(QueueError) -> Job?
}

/// The defaults of jobs.
package struct JobDefaults: Sendable {
    /// Nil where every job must have its own.
    package var prompt: String?
    package var maxTokens: Int
    package var priority: Int
    /// The number of frames that are taken from a video; nil where videos are not accepted.
    package var frames: Int?
    /// The decoding options of jobs that do not give them, key by key.
    package var options: [JSON.Member]

    package init(
        prompt: String? = nil, maxTokens: Int = Job.defaultMaxTokens, priority: Int = 0, frames: Int? = nil,
        options: [JSON.Member] = []
    ) {
        self.frames = frames
        self.prompt = prompt
        self.maxTokens = maxTokens
        self.priority = priority
        self.options = options
    }
}

extension JobImage {
    /// Returns a picture or a video by the name that a person gave it, with its current size and time.
    ///
    /// - Parameter folder: The folder of relative names.
    /// - Parameter frames: The number of frames of a video.
    package static func look(at name: String, in folder: String, frames: Int? = nil) -> JobImage {
        let path = absolutePath(of: name, in: folder)
        guard let status = FileStatus(path), status.isRegular else {
            return JobImage(name: name, path: path, frames: frames)
        }
        return JobImage(name: name, path: path, size: status.size, modified: status.modified, frames: frames)
    }

    /// Returns an absolute path. `..` stays as it is, because behind a symbolic link it is another folder.
    static func absolutePath(of name: String, in folder: String) -> String {
        if name.hasPrefix("/") { return name }
        let base = folder.hasPrefix("/") ? folder : FileManager.default.currentDirectoryPath + "/" + folder
        var relative = Substring(name)
        while relative.hasPrefix("./") { relative = relative.dropFirst(2) }
        return trimmed(base) + "/" + relative
    }

    private static func trimmed(_ folder: String) -> String {
        var folder = Substring(folder)
        while folder.hasSuffix("/") || folder.hasSuffix("/.") { folder = folder.dropLast() }
        return String(folder)
    }
}

/// The result of stat(2) for a path; symbolic links are followed.
struct FileStatus {
    let isRegular: Bool
    let isDirectory: Bool
    /// Bytes.
    let size: Int64
    /// Nanoseconds since 1970.
    let modified: Int64
    /// Device and inode, the same for two names of one folder.
    let identity: FileIdentity

    /// Nil where there is nothing, or where permission is missing.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        identity = FileIdentity(status)
    }
}
