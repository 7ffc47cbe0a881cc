import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Reads the lines of a file, of bounded length, a buffer at a time.
struct LineReader: ~Copyable {
    static let maximumLength = 16 << 20

    enum Line {
        case bytes(ArraySlice<UInt8>)
        /// Longer than `maximumLength`; its bytes are dropped.
        case tooLong
    }

    /// The number of the line that `next` returned last, from 1.
    private(set) var number = 0

    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    /// Where in `buffer` the next line begins.
    private var start = 0
    private var isAtEnd = false

    /// - Throws: `unreadable`, also for anything but a regular file, because it is read twice.
    init(path: String) throws(QueueError) {
        self.path = path
        let opened = FileSystem.open(path, O_RDONLY)
        descriptor = opened
        guard opened >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        guard FileStatus(path)?.isRegular == true else {
            throw .unreadable(path: path, reason: "not a file; write the jobs to a file first")
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
            if let end = buffer[searchFrom...].firstIndex(of: 0x0A) {
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
    }
}
