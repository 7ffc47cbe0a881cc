import Glibc

/// What tells two files apart whatever they are called: the device and the inode. Two paths with one identity are one
/// file; a path whose identity has changed names another file than before.
package struct FileIdentity: Sendable, Hashable {
    package let device: UInt64
    private let inode: UInt64

    /// The identity of a file whose status is already known.
    package init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    /// The identity of the file at `path`, symbolic links followed. Nil where there is none or it cannot be reached.
    ///
    /// - Parameter root: the folder below which it has to be; nil for any.
    package init?(path: String, in root: FileRoot? = nil) {
        guard let status = root.status(of: path) else { return nil }
        self.init(status)
    }

    /// The identity of an open file. Nil where the descriptor is not open.
    package init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Whether `path` names the very file that is open as `descriptor`. It does not after the file was removed or
    /// another was renamed to its path.
    package static func isOpen(_ descriptor: Int32, at path: String) -> Bool {
        guard let open = FileIdentity(descriptor: descriptor) else { return false }
        return open == FileIdentity(path: path)
    }
}
