import Glibc

/// A file that is written without a name and gets its name when it is whole, so that nobody ever sees half of it and no process
/// that is killed leaves anything behind.
///
/// It never opens what is there already: a symbolic link of any name cannot make it write elsewhere. Where the file system has
/// no files without names, it has a random hidden name in the same folder meanwhile.
package final class NewFile {
    /// O_TMPFILE, a macro that Swift does not import.
    private static let withoutName: Int32 = 0o20_000_000 | O_DIRECTORY

    /// Open for reading and writing.
    package let descriptor: Int32
    private let path: String
    /// The name that it has before it is whole; nil where it has none.
    private var temporary: String?

    /// - Parameters:
    ///   - path: the path that it will have.
    ///   - mode: its permissions, less the umask.
    /// - Throws: ``SystemError`` where it cannot be made.
    package init(for path: String, mode: mode_t = 0o666) throws(SystemError) {
        self.path = path
        let folder = path.parentPath.isEmpty ? "." : path.parentPath
        let nameless = FileSystem.open(folder, Self.withoutName | O_RDWR, mode: mode)
        if nameless >= 0 {
            descriptor = nameless
            return
        }
        // Old kernels answer EISDIR, file systems without the feature EOPNOTSUPP.
        guard [EOPNOTSUPP, EISDIR, EINVAL, ENOENT].contains(errno), FileSystem.isFolder(folder) else {
            throw SystemError(errno)
        }
        let name = Self.temporaryName(beside: path)
        descriptor = FileSystem.open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        guard descriptor >= 0 else { throw SystemError(errno) }
        temporary = name
    }

    deinit {
        if let temporary { FileSystem.remove(temporary) }
        close(descriptor)
    }

    /// Gives the file its name, in place of what has it.
    ///
    /// - Parameter durably: whether its bytes and its name are on the disk then.
    /// - Throws: ``SystemError``; then the name belongs to what it belonged to before.
    package func commit(durably: Bool = true) throws(SystemError) {
        guard !durably || fsync(descriptor) == 0 else { throw SystemError(errno) }
        if temporary == nil {
            let name = Self.temporaryName(beside: path)
            let linked = withSystemPath(name) {
                linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, $0, AT_SYMLINK_FOLLOW)
            }
            guard linked == 0 else { throw SystemError(errno) }
            temporary = name
        }
        guard let temporary, FileSystem.rename(temporary, to: path) else { throw SystemError(errno) }
        self.temporary = nil
        if durably { FileSystem.synchronizeFolder(of: path) }
    }

    /// Writes `bytes` as the file at `path`, in place of what is there.
    ///
    /// - Throws: ``SystemError``; then what was there still is.
    package static func write(
        _ bytes: some Sequence<UInt8>, to path: String, mode: mode_t = 0o666, durably: Bool = true
    ) throws(SystemError) {
        let file = try NewFile(for: path, mode: mode)
        try writeAll(Array(bytes).span.bytes, to: file.descriptor)
        try file.commit(durably: durably)
    }

    private static func temporaryName(beside path: String) -> String {
        let random = String(UInt64.random(in: .min ... .max), radix: 36)
        let prefix = path.parentPath.isEmpty ? "" : path.parentPath == "/" ? "/" : path.parentPath + "/"
        return "\(prefix).\(path.lastPathPart.prefix(100)).\(random).part"
    }
}
