import Base
import Glibc

/// A file of lines that one process appends to. A line that a killed process or a full disk has cut is taken away.
final class LineLog {
    private let path: String
    private let descriptor: Int32
    /// The bytes that end with a whole line.
    private var size: Int

    /// Opens a file, or makes one where there is none.
    ///
    /// - Parameter read: gets the bytes of all whole lines.
    /// - Throws: ``SinkError`` where it cannot be read or written, or another process has it open; what `read` throws.
    init(path: String, read: (ArraySlice<UInt8>) throws(SinkError) -> Void) throws(SinkError) {
        self.path = path
        size = 0
        descriptor = FileSystem.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o666)
        guard descriptor >= 0 else { throw SinkError(SystemError(errno), writing: path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw SinkError(.badLog, at: path, "another paligemma writes with this log; wait for it")
        }
        let bytes = FileSystem.contents(of: path) ?? []
        let whole = bytes.prefix((bytes.lastIndex(of: 0x0A) ?? -1) + 1)
        size = whole.count
        try read(whole)
        guard cut() else { throw SinkError(SystemError(errno), writing: path) }
    }

    deinit { close(descriptor) }

    /// Appends whole lines, or nothing.
    ///
    /// - Parameter isDurable: whether they are on the disk then.
    /// - Throws: ``SinkError`` where the file cannot be written.
    func append(_ lines: [UInt8], isDurable: Bool = false) throws(SinkError) {
        do throws(SystemError) {
            try writeAll(lines.span.bytes, to: descriptor)
            if isDurable, fsync(descriptor) != 0 { throw SystemError(errno) }
        } catch {
            _ = cut()
            throw SinkError(error, writing: path)
        }
        size += lines.count
    }

    private func cut() -> Bool {
        ftruncate(descriptor, off_t(size)) == 0 && lseek(descriptor, off_t(size), SEEK_SET) >= 0
    }
}
