import Base
import Foundation
import Queue

#if canImport(Glibc)
    import Glibc
#endif

/// Reads the lines of a file or of a stream, of bounded length, a buffer at a time.
struct LineReader: ~Copyable {
    static let maximumLength = 16 << 20
    /// The path that stands for standard input.
    package static let standardInput = "-"

    enum Line {
        case bytes(ArraySlice<UInt8>)
        /// Longer than `maximumLength`; its bytes are dropped.
        case tooLong
    }

    /// The number of the line that `next` returned last, from 1.
    private(set) var number = 0

    private let path: String
    private let descriptor: Int32
    private let separator: UInt8
    private var buffer: [UInt8] = []
    /// Where in `buffer` the next line begins.
    private var start = 0
    private var isAtEnd = false

    /// - Parameters:
    ///   - path: `-` for standard input.
    ///   - separator: what ends a line.
    /// - Throws: `unreadable`, also for a folder and for UTF-16.
    init(path: String, separator: UInt8 = 0x0A) throws(QueueError) {
        self.separator = separator
        guard path != Self.standardInput else {
            self.path = "standard input"
            descriptor = dup(STDIN_FILENO)
            guard descriptor >= 0 else { throw .unreadable(path: self.path, reason: "it is closed") }
            return
        }
        self.path = path
        let opened = FileSystem.open(path, O_RDONLY)
        descriptor = opened
        guard opened >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        guard !FileSystem.isFolder(path) else {
            throw .unreadable(path: path, reason: "it is a folder; name a file")
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Returns the next line without its newline, nil at the end.
    mutating func next() throws(QueueError) -> Line? {
        var searchFrom = start
        var isTooLong = false
        while true {
            if let end = buffer[searchFrom...].firstIndex(of: separator) {
                return take(upTo: end, next: end + 1, isTooLong: isTooLong)
            }
            if isAtEnd {
                if start == buffer.count && !isTooLong { return nil }
                return take(upTo: buffer.count, next: buffer.count, isTooLong: isTooLong)
            }
            if buffer.count - start > Self.maximumLength {
                isTooLong = true
                start = buffer.count
            }
            searchFrom = buffer.count - start
            try fill()
        }
    }

    private mutating func take(upTo end: Int, next: Int, isTooLong: Bool) -> Line {
        var line = buffer[start..<end]
        // A byte order mark, as some editors put it before the first line.
        if number == 0 && line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
        start = next
        number += 1
        return isTooLong ? .tooLong : .bytes(line)
    }

    /// Drops the lines that were given, and reads more behind the rest.
    private mutating func fill() throws(QueueError) {
        buffer.removeFirst(start)
        start = 0
        let wanted = 1 << 18
        let filled = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: wanted))
        let received = buffer.withUnsafeMutableBytes { bytes in
            var received = -1
            repeat {
                received = read(descriptor, bytes.baseAddress.map { $0 + filled }, wanted)
            } while received < 0 && errno == EINTR
            return received
        }
        guard received >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        buffer.removeLast(wanted - received)
        isAtEnd = received == 0
        if number == 0, buffer.starts(with: [0xFF, 0xFE]) || buffer.starts(with: [0xFE, 0xFF]) {
            throw .unreadable(
                path: path, reason: "it is UTF-16; convert it with `iconv -f UTF-16 -t UTF-8`, or save it as UTF-8")
        }
    }
}
