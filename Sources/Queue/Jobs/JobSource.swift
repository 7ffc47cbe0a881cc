import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Jobs on their way into a queue, one after the other, so that a million need little memory.
package protocol JobSource: AnyObject {
    /// The next job, nil at the end. A job that makes no sense comes with its `fault`.
    ///
    /// - Throws: `unreadable`, where the source itself cannot be read on.
    func next() throws(QueueError) -> Job?
}

/// What a job has where nothing else is said.
package struct JobDefaults: Sendable {
    /// Nil: every job has to have its own.
    package var prompt: String?
    package var maxTokens: Int
    package var priority: Int
    /// Frames that are taken out of a video; nil: videos are no pictures.
    package var frames: Int?
    /// How answers are made; a job that says it otherwise, key by key, has its own way.
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
    /// A picture or a video by the name that a person gave it, looked up now.
    ///
    /// - Parameter folder: where a relative name begins.
    /// - Parameter frames: of a video.
    package static func look(at name: String, in folder: String, frames: Int? = nil) -> JobImage {
        let path = absolutePath(of: name, in: folder)
        guard let status = FileStatus(path), status.isRegular else {
            return JobImage(name: name, path: path, frames: frames)
        }
        return JobImage(name: name, path: path, size: status.size, modified: status.modified, frames: frames)
    }

    /// `..` stays as it is: through a symbolic link it is not what it seems.
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

/// What stat(2) says of a path, symbolic links followed.
struct FileStatus {
    let isRegular: Bool
    let isDirectory: Bool
    /// Bytes.
    let size: Int64
    /// Nanoseconds since 1970.
    let modified: Int64
    /// The same for two names of one folder.
    let identity: Identity

    struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// Nil where there is nothing, or nothing that may be looked at.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
}
