import Foundation
import Glibc

/// System calls on paths, which are given as ``SystemText``. A call that fails leaves its cause in errno.
package enum FileSystem {
    /// Opens a file. The descriptor is closed when another program starts.
    ///
    /// - Returns: A negative number where it fails.
    package static func open(_ path: String, _ flags: Int32, mode: mode_t = 0) -> Int32 {
        withSystemPath(path) { Glibc.open($0, flags | O_CLOEXEC, mode) } ?? -1
    }

    /// Returns the status of what is at `path`, symbolic links followed; nil where there is nothing or it cannot be reached.
    package static func status(of path: String) -> stat? {
        var status = stat()
        return withSystemPath(path) { stat($0, &status) } == 0 ? status : nil
    }

    /// Returns the status of what is at `path` itself, which may be a symbolic link; nil where there is nothing.
    package static func linkStatus(of path: String) -> stat? {
        var status = stat()
        return withSystemPath(path) { lstat($0, &status) } == 0 ? status : nil
    }

    /// Returns whether there is something at `path`, symbolic links followed.
    package static func exists(_ path: String) -> Bool { status(of: path) != nil }

    /// Returns whether there is a folder at `path`, symbolic links followed.
    package static func isFolder(_ path: String) -> Bool {
        status(of: path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
    }

    /// Returns whether this process may do what `mode` says, a sum of R_OK, W_OK and X_OK.
    package static func isPermitted(_ path: String, _ mode: Int32) -> Bool {
        withSystemPath(path) { access($0, mode) } == 0
    }

    /// Removes a file or a symbolic link.
    ///
    /// - Returns: Whether it was removed.
    @discardableResult
    package static func remove(_ path: String) -> Bool { withSystemPath(path) { unlink($0) } == 0 }

    /// Removes an empty folder.
    ///
    /// - Returns: Whether it was removed.
    @discardableResult
    package static func removeFolder(_ path: String) -> Bool { withSystemPath(path) { rmdir($0) } == 0 }

    /// Removes a file, or a folder and all that it holds. Symbolic links are removed and not followed.
    package static func removeTree(_ path: String) {
        guard let status = linkStatus(of: path) else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            remove(path)
            return
        }
        for name in (try? names(in: path)) ?? [] { removeTree(path + "/" + name) }
        removeFolder(path)
    }

    /// Puts a file in the place of another, in one step.
    ///
    /// - Returns: Whether it was done.
    package static func rename(_ old: String, to new: String) -> Bool {
        withSystemPath(old) { old in withSystemPath(new) { Glibc.rename(old, $0) } } == .some(.some(0))
    }

    /// Gives a file a second name.
    ///
    /// - Returns: Whether it was done.
    package static func link(_ path: String, to new: String) -> Bool {
        withSystemPath(path) { path in withSystemPath(new) { Glibc.link(path, $0) } } == .some(.some(0))
    }

    /// Makes a folder and those above it that are missing. A folder that is there stays as it is.
    ///
    /// - Throws: ``SystemError``.
    package static func makeFolder(_ path: String, mode: mode_t = 0o777) throws(SystemError) {
        if isFolder(path) { return }
        let parent = path.parentPath
        if parent != path, !parent.isEmpty { try makeFolder(parent, mode: mode) }
        guard withSystemPath(path, { mkdir($0, mode) }) == 0 || isFolder(path) else { throw SystemError(errno) }
    }

    /// Returns the names in a folder but `.` and `..`, in no order.
    ///
    /// - Throws: ``SystemError``.
    package static func names(in folder: String) throws(SystemError) -> [String] {
        guard let opened = withSystemPath(folder, { opendir($0) }), let directory = opened else {
            throw SystemError(errno)
        }
        defer { closedir(directory) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { SystemText.text($0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw SystemError(errno) }
        return names
    }

    /// Returns the bytes of a file of any kind, also one below /proc; nil where it cannot be read.
    package static func contents(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var filled = 0
        while true {
            if bytes.count - filled < 1 << 14 { bytes += repeatElement(0, count: max(1 << 14, filled)) }
            let count = bytes.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress.map { $0 + filled }, $0.count - filled)
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            filled += count
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    /// Returns up to `count` bytes from the start of a regular file; nil where it cannot be read.
    ///
    /// - Parameter root: the folder below which it has to be; nil for any.
    package static func firstBytes(_ count: Int, of path: String, in root: FileRoot? = nil) -> [UInt8]? {
        // Non-blocking: a pipe without a writer is not waited for.
        let descriptor = root.open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        let filled = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return filled >= 0 ? Array(bytes.prefix(filled)) : nil
    }

    /// Writes a file that a person named, over what is there; it may be a device or a pipe.
    ///
    /// - Throws: ``SystemError``.
    package static func write(_ bytes: some Sequence<UInt8>, to path: String) throws(SystemError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666)
        guard descriptor >= 0 else { throw SystemError(errno) }
        do throws(SystemError) {
            try writeAll(Array(bytes).span.bytes, to: descriptor)
        } catch {
            close(descriptor)
            throw error
        }
        // A full disk may be reported only when the file is closed.
        guard close(descriptor) == 0 else { throw SystemError(errno) }
    }

    /// As ``contents(of:)``, for what takes `Data`.
    package static func data(of path: String) -> Data? { contents(of: path).map { Data($0) } }

    /// Puts the names in the folder of `path` on the disk, as far as the file system can.
    package static func synchronizeFolder(of path: String) {
        let folder = open(path.parentPath.isEmpty ? "." : path.parentPath, O_RDONLY | O_DIRECTORY)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    /// Returns what a symbolic link points to; nil where `path` is none.
    package static func target(ofLink path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = withSystemPath(path) { path in
            buffer.withUnsafeMutableBytes { bytes in
                bytes.withMemoryRebound(to: CChar.self) { characters in
                    characters.baseAddress.map { readlink(path, $0, characters.count) } ?? -1
                }
            }
        }
        guard let count, count >= 0 else { return nil }
        return SystemText.text(buffer[..<count])
    }

    /// Makes a symbolic link at `path`, in one step in place of a file or link that is there.
    ///
    /// - Throws: ``SystemError``.
    package static func makeLink(_ path: String, to target: String) throws(SystemError) {
        let random = String(UInt64.random(in: .min ... .max), radix: 36)
        let temporary = path.parentPath + (path.parentPath.isEmpty ? "." : "/.") + random + ".link"
        let made = withSystemPath(target) { target in withSystemPath(temporary) { symlink(target, $0) } }
        guard made == .some(.some(0)) else { throw SystemError(errno) }
        guard rename(temporary, to: path) else {
            let error = SystemError(errno)
            remove(temporary)
            throw error
        }
    }

    /// Returns the bytes that this user may still write to the file system of `path`; nil where that is not known.
    package static func freeBytes(at path: String) -> Int64? {
        var status = statvfs()
        guard withSystemPath(path, { statvfs($0, &status) }) == 0 else { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }

    /// Returns the absolute path of what is at `path`, without symbolic links, `.` and `..`; `path` itself where there is
    /// nothing.
    package static func resolved(_ path: String) -> String {
        guard let resolved = withSystemPath(path, { realpath($0, nil) }), let pointer = resolved else { return path }
        defer { free(pointer) }
        return SystemText.text(pointer)
    }

    /// The folder that relative paths begin at; "/" where it is gone.
    package static var currentFolder: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        guard getcwd(&buffer, buffer.count) != nil else { return "/" }
        return buffer.withUnsafeBufferPointer { $0.baseAddress.map { SystemText.text($0) } ?? "/" }
    }
}

extension String {
    /// The path of the folder that holds what this path names: "a" of "a/b" and of "a/b/", "" of "b", "/" of "/b".
    package var parentPath: String {
        var bytes = utf8[...]
        while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes = bytes.dropLast() }
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        var parent = bytes[..<slash]
        while parent.last == UInt8(ascii: "/") { parent = parent.dropLast() }
        return parent.isEmpty ? "/" : String(parent) ?? ""
    }

    /// The last part of a path: "b" of "a/b" and of "a/b/".
    package var lastPathPart: String {
        var bytes = utf8[...]
        while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes = bytes.dropLast() }
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), bytes.count > 1 else { return String(bytes) ?? "" }
        return String(bytes[bytes.index(after: slash)...]) ?? ""
    }

    /// What stands behind the last period of the last part of a path, in lower case; "" where there is none, also for a
    /// hidden file without another period.
    package var pathExtension: String {
        let name = lastPathPart.utf8
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot != name.startIndex else { return "" }
        return (String(name[name.index(after: dot)...]) ?? "").lowercased()
    }
}
