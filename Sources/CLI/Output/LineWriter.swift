import Base
import Foundation
import Queue

#if canImport(Glibc)
    import Glibc
#endif

/// Appends lines to a file descriptor, a buffer at a time.
package final class LineWriter {
    let path: String
    let descriptor: Int32
    /// Closes the descriptor; nil where it is not a file.
    private let file: NewFile?
    private let isFile: Bool
    private var buffer: [UInt8] = []
    /// Bytes in the file that end with a newline.
    private var wholeBytes: Int

    private static let bufferSize = 1 << 18

    init(standardOutput: Void) {
        path = "standard output"
        descriptor = STDOUT_FILENO
        (file, isFile) = (nil, false)
        wholeBytes = 0
    }

    /// - Parameter file: an empty file.
    convenience init(path: String, file: NewFile) { self.init(path: path, emptyFile: file.descriptor, of: file) }

    /// - Parameters:
    ///   - descriptor: of an empty file.
    ///   - file: closes the descriptor; nil where the caller does.
    package init(path: String, emptyFile descriptor: Int32, of file: NewFile?) {
        self.path = path
        self.descriptor = descriptor
        (self.file, isFile) = (file, true)
        wholeBytes = 0
    }

    /// Writes all results that `queue` has.
    ///
    /// - Returns: the number of the last in the order of completion; 0 for none.
    @discardableResult
    func write(all queue: any JobQueue, sorted: Bool) throws -> Int64 {
        var last: Int64 = 0
        try queue.forEachResult(sorted: sorted) { result in
            try append(result)
            last = max(last, result.number)
        }
        try flush()
        return last
    }

    /// Appends the line of a result.
    ///
    /// - Throws: where the file cannot be written.
    package func append(_ result: JobResult) throws(CommandFailure) { try append(line: result.line()) }

    /// Appends a line.
    ///
    /// - Parameter bytes: without the newline.
    /// - Throws: where the file cannot be written.
    package func append(line bytes: [UInt8]) throws(CommandFailure) {
        buffer += bytes
        buffer.append(0x0A)
        if buffer.count >= Self.bufferSize { try flush() }
    }

    /// Hands everything to the system. What could not be written whole is cut off again, so that the file always ends
    /// with a whole line.
    ///
    /// - Throws: where the file cannot be written.
    package func flush() throws(CommandFailure) {
        do throws(SystemError) {
            try writeAll(buffer.span.bytes, to: descriptor)
        } catch {
            buffer.removeAll()
            if isFile {
                ftruncate(descriptor, wholeBytes)
                lseek(descriptor, wholeBytes, SEEK_SET)
            }
            throw Self.failure(error, path: path)
        }
        wholeBytes += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    /// Returns the failure for an error of the file at `path`.
    static func failure(_ error: SystemError, path: String) -> CommandFailure {
        CommandFailure(
            .environment,
            "cannot write \(path): \(error.isDiskFull ? "no space left" : error.description); "
                + "no result is lost, they are in the queue: mend this and start the same command again")
    }
}
