import Base
import Foundation

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
        let base = folder.hasPrefix("/") ? folder : FileSystem.currentFolder + "/" + folder
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
