import Base
import Queue

/// Reads the lines of a file or of a stream, of bounded length, a buffer at a time. What is compressed with gzip or zstd is
/// recognized by its first bytes.
struct LineReader: ~Copyable {
    static let maximumLength = 16 << 20

    enum Line {
        case bytes(ArraySlice<UInt8>)
        /// Longer than `maximumLength`; its bytes are dropped.
        case tooLong
    }

    /// The number of the line that `next` returned last, from 1.
    private(set) var number = 0

    private let name: String
    private let source: any ByteSource
    private let separator: UInt8
    private var buffer: [UInt8] = []
    /// Where in `buffer` the next line begins.
    private var start = 0
    private var isAtEnd = false

    /// - Parameter separator: what ends a line.
    /// - Throws: `unreadable`, also for a folder.
    init(_ file: InputFile, separator: UInt8 = 0x0A) throws(QueueError) {
        self.separator = separator
        name = file.name
        let buffered = BufferedSource(try file.opened().source)
        do {
            source = try StreamCompression(of: buffered).content(of: buffered)
        } catch {
            throw .unreadable(error, path: name)
        }
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
        let received: Int
        do {
            received = try buffer.withUnsafeMutableBytes { bytes in
                try source.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]))
            }
        } catch {
            throw .unreadable(error, path: name)
        }
        buffer.removeLast(wanted - received)
        isAtEnd = received == 0
        if number == 0, buffer.starts(with: [0xFF, 0xFE]) || buffer.starts(with: [0xFE, 0xFF]) {
            throw .unreadable(
                path: name, reason: "it is UTF-16; convert it with `iconv -f UTF-16 -t UTF-8`, or save it as UTF-8")
        }
    }
}
