import Base
import Glibc

/// Appends records to a file descriptor, a buffer at a time.
package final class OutputWriter {
    package let path: String
    package let descriptor: Int32
    /// Closes the descriptor; nil where it is not a file.
    private let file: NewFile?
    private let isFile: Bool
    private var buffer: [UInt8] = []
    /// The bytes in the file that end with a whole record.
    private var wholeBytes = 0

    private static let bufferSize = 1 << 18

    package init(standardOutput: Void) {
        path = "standard output"
        descriptor = STDOUT_FILENO
        (file, isFile) = (nil, false)
    }

    /// - Parameter file: an empty file.
    package convenience init(path: String, file: NewFile) {
        self.init(path: path, emptyFile: file.descriptor, of: file)
    }

    /// - Parameters:
    ///   - descriptor: of an empty file.
    ///   - file: closes the descriptor; nil where the caller does.
    package init(path: String, emptyFile descriptor: Int32, of file: NewFile?) {
        self.path = path
        self.descriptor = descriptor
        (self.file, isFile) = (file, true)
    }

    /// Appends the bytes of a record, with what ends it.
    ///
    /// - Throws: ``SinkError`` where the file cannot be written.
    package func append(_ record: [UInt8]) throws(SinkError) {
        buffer += record
        if buffer.count >= Self.bufferSize { try flush() }
    }

    /// Appends a line.
    ///
    /// - Parameter bytes: without the newline.
    /// - Throws: ``SinkError`` where the file cannot be written.
    package func append(line bytes: [UInt8]) throws(SinkError) { try append(bytes + [0x0A]) }

    /// Hands everything to the system. What could not be written whole is cut off again, so that the file always ends
    /// with a whole record.
    ///
    /// - Throws: ``SinkError`` where the file cannot be written.
    package func flush() throws(SinkError) {
        do throws(SystemError) {
            try writeAll(buffer.span.bytes, to: descriptor)
        } catch {
            buffer.removeAll()
            if isFile {
                ftruncate(descriptor, wholeBytes)
                lseek(descriptor, wholeBytes, SEEK_SET)
            }
            throw SinkError(error, writing: path)
        }
        wholeBytes += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    /// Whether the file still has its name.
    var isInPlace: Bool { !isFile || FileIdentity.isOpen(descriptor, at: path) }
}
