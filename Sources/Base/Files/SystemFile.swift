import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// What several places do with file descriptors.
package enum SystemFile {
    /// Writes all bytes, however many calls that takes.
    ///
    /// - Parameter offset: where in the file; nil for the descriptor's own position.
    /// - Returns: nil, or the errno of the call that failed. Some bytes may have been written before it.
    package static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int? = nil) -> Int32?
    {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count =
                offset.map { pwrite(descriptor, rest.baseAddress, rest.count, $0 + written) }
                ?? write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return count == 0 ? ENOSPC : errno }
            written += count
        }
        return nil
    }

    /// Returns whether a path names the file that a descriptor has open, and not another that was put in its place.
    package static func isOpen(_ descriptor: Int32, at path: String) -> Bool {
        FileIdentity(of: descriptor) != nil && FileIdentity(of: descriptor) == FileIdentity(at: path)
    }
}

/// Which file it is, whatever it is called.
package struct FileIdentity: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64

    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    package init(_ status: stat) {
        self.init(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// Returns nil where the descriptor is not open.
    package init?(of descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Returns nil where there is no such file, or it cannot be seen.
    package init?(at path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }
}
