import Base
import Glibc

/// The two files of a batch that grow: its answers and its failures. What is behind the sizes that were noted was written by a
/// service that was killed before it noted it, and is written again.
final class BatchOutput {
    private final class Lines {
        let path: String
        private let descriptor: Int32
        private(set) var size: Int
        private var buffer: [UInt8] = []

        /// - Parameter size: The bytes that are kept.
        init(_ path: String, size: Int) throws(StateError) {
            self.path = path
            self.size = size
            descriptor = FileSystem.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            guard descriptor >= 0 else { throw StateError(path, SystemError(errno)) }
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw StateError(path, SystemError(errno)) }
            guard status.st_size >= size else {
                throw StateError(path, "it has \(status.st_size) bytes, fewer than the \(size) that were noted")
            }
            guard ftruncate(descriptor, off_t(size)) == 0 else { throw StateError(path, SystemError(errno)) }
        }

        deinit { if descriptor >= 0 { close(descriptor) } }

        func append(_ line: [UInt8]) { buffer += line }

        func write() throws(StateError) {
            guard !buffer.isEmpty else { return }
            do throws(SystemError) {
                try writeAll(buffer.span.bytes, to: descriptor, at: size)
                guard fsync(descriptor) == 0 else { throw SystemError(errno) }
            } catch {
                throw StateError(path, error)
            }
            size += buffer.count
            buffer.removeAll(keepingCapacity: true)
        }

        /// Calls `body` with the custom_id of each line.
        func forEachID(_ body: (String) -> Void) throws(StateError) {
            guard size > 0 else { return }
            guard let bytes = FileSystem.contents(of: path) else { throw StateError(path, SystemError(errno)) }
            for line in bytes.split(separator: 0x0A) {
                guard let id = (try? JSON(parsing: line))?["custom_id"]?.string else {
                    throw StateError(path, "a line of it is no answer; it was changed by somebody else")
                }
                body(id)
            }
        }
    }

    private let answers: Lines
    private let failures: Lines

    /// - Throws: ``StateError`` where a file cannot be written, or is shorter than what was noted.
    init(answersAt path: String, failuresAt other: String, _ progress: BatchRecord.Progress) throws(StateError) {
        answers = try Lines(path, size: progress.outputBytes)
        failures = try Lines(other, size: progress.errorBytes)
        // Their names are on the disk before anything notes what they hold.
        FileSystem.synchronizeFolder(of: path)
    }

    func appendAnswer(_ line: [UInt8]) { answers.append(line) }
    func appendFailure(_ line: [UInt8]) { failures.append(line) }

    /// Puts what was appended on the disk.
    ///
    /// - Returns: The sizes to note.
    /// - Throws: ``StateError``; then the files are opened again before more is appended.
    func write() throws(StateError) -> (answers: Int, failures: Int) {
        try answers.write()
        try failures.write()
        return (answers.size, failures.size)
    }

    /// Calls `body` with the custom_id of each line of both.
    ///
    /// - Throws: ``StateError``.
    func forEachID(_ body: (String) -> Void) throws(StateError) {
        try answers.forEachID(body)
        try failures.forEachID(body)
    }
}
