import Base
import Foundation
import TestSupport
import Testing

@Suite("Streams of bytes and their compression", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct StreamTests {
    private let text = Array("a text that is compressed, and compressed, and compressed again".utf8)
    /// The text as gzip and as zstd, by the programs of these names.
    private let gzip: [UInt8] = [
        0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4B, 0x54, 0x28, 0x49, 0xAD, 0x28, 0x51, 0x28,
        0xC9, 0x48, 0x2C, 0x51, 0xC8, 0x2C, 0x56, 0x48, 0xCE, 0xCF, 0x2D, 0x28, 0x4A, 0x2D, 0x2E, 0x4E, 0x4D, 0xD1,
        0x51, 0x48, 0xCC, 0x4B, 0xC1, 0xC3, 0x57, 0x48, 0x4C, 0x4F, 0xCC, 0xCC, 0x03, 0x00, 0x81, 0xCE, 0x96, 0xF8,
        0x3F, 0x00, 0x00, 0x00,
    ]
    private let zstd: [UInt8] = [
        0x28, 0xB5, 0x2F, 0xFD, 0x24, 0x3F, 0x5D, 0x01, 0x00, 0x44, 0x02, 0x61, 0x20, 0x74, 0x65, 0x78, 0x74, 0x20,
        0x74, 0x68, 0x61, 0x74, 0x20, 0x69, 0x73, 0x20, 0x63, 0x6F, 0x6D, 0x70, 0x72, 0x65, 0x73, 0x73, 0x65, 0x64,
        0x2C, 0x20, 0x61, 0x6E, 0x64, 0x20, 0x61, 0x67, 0x61, 0x69, 0x6E, 0x01, 0x00, 0x4E, 0x38, 0x9D, 0xE6, 0x7D,
        0x7E, 0x32,
    ]

    /// A source that gives at most `step` bytes at a time.
    private func pieces(_ bytes: [UInt8], step: Int) -> ClosureSource {
        var rest = bytes[...]
        return ClosureSource { buffer in
            let part = rest.prefix(min(step, buffer.count))
            buffer.copyBytes(from: part)
            rest = rest.dropFirst(part.count)
            return part.count
        }
    }

    private func content(_ source: any ByteSource) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 7)
        while true {
            let count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }

    private func decompressed(_ bytes: [UInt8], step: Int = 3) throws -> [UInt8] {
        let source = BufferedSource(pieces(bytes, step: step))
        return try content(try StreamCompression(of: source).content(of: source))
    }

    @Test("A buffered source gives what was looked at, and passes over bytes", arguments: [1, 5, 5000])
    func buffered(step: Int) throws {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        let source = BufferedSource(pieces(bytes, step: step), capacity: 1024)
        #expect(try source.peek(1000).prefix(1000).elementsEqual(bytes[..<1000]))
        source.take(10)
        #expect(try source.peek(1024).elementsEqual(bytes[10..<1034]))
        #expect(try source.skip(5000) == 5000)
        #expect(source.offset == 5010)
        #expect(try content(source) == Array(bytes[5010...]))
        #expect(try source.peek(1).isEmpty && source.skip(1) == 0)
    }

    @Test("A file is read from where it stands, and passes over no more than it has; so does a pipe")
    func files() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/f"
            try FileSystem.write(text, to: path)
            let file = try FileSource(path: path)
            #expect(file.isSeekable)
            #expect(try file.skip(10) == 10)
            #expect(try content(file) == Array(text[10...]))
            #expect(try file.skip(1) == 0)
            #expect(try FileSource(path: path).skip(1 << 40) == text.count)
            let ranges = try FileRangeSource(path: path)
            #expect(ranges.size == text.count)
            #expect(try ranges.bytes(at: 5, count: 6) == Array(text[5..<11]))
            #expect(throws: FileError.self) { try ranges.bytes(at: text.count - 1, count: 2) }
            #expect(throws: FileError.self) { try FileSource(path: folder) }
            #expect(throws: FileError.self) { try FileRangeSource(path: folder) }
            #expect(throws: FileError.self) { try FileSource(path: folder + "/none") }
        }
        let pipe = Pipe()
        pipe.fileHandleForWriting.write(Data(text))
        try pipe.fileHandleForWriting.close()
        let source = FileSource(descriptor: pipe.fileHandleForReading.fileDescriptor, name: "pipe")
        #expect(!source.isSeekable)
        #expect(try source.skip(10) == 10)
        #expect(try content(source) == Array(text[10...]))
    }

    @Test("Compressed streams of one and of several parts are read; others stay as they are")
    func compressed() throws {
        for bytes in [gzip, zstd] {
            for step in [1, 1000] {
                #expect(try decompressed(bytes, step: step) == text)
                #expect(try decompressed(bytes + bytes, step: step) == text + text)
            }
        }
        #expect(try decompressed(gzip + [0, 0, 0]) == text)
        #expect(try decompressed(text) == text)
        #expect(try decompressed([]) == [])
    }

    @Test("A compressed stream that is cut, damaged or followed by something else is an error")
    func damaged() throws {
        for bytes in [gzip, zstd] {
            for count in 4..<bytes.count {
                #expect(throws: CompressionError.self, "\(count)") { try decompressed(Array(bytes[..<count])) }
            }
            #expect(throws: CompressionError.self) { try decompressed(bytes + text) }
            var changed = bytes
            changed[bytes.count - 6] ^= 0xFF
            #expect(throws: CompressionError.self) { try decompressed(changed) }
        }
    }

    @Test("A block must fill its buffer, no more and no less")
    func blocks() throws {
        for (bytes, isGzip) in [(gzip, true), (zstd, false)] {
            for size in [text.count, text.count - 1, text.count + 1, 1, 1 << 20] {
                var buffer = [UInt8](repeating: 0, count: size)
                var isRefused = false
                do {
                    try bytes.withUnsafeBytes { bytes in
                        try buffer.withUnsafeMutableBytes { buffer in
                            if isGzip {
                                try Gzip.decompress(bytes, into: buffer)
                            } else {
                                try Zstd.decompress(bytes, into: buffer)
                            }
                        }
                    }
                } catch is CompressionError {
                    isRefused = true
                }
                #expect(isRefused == (size != text.count), "\(size) bytes")
                if !isRefused { #expect(buffer == text) }
            }
        }
        let frame = try text.withUnsafeBytes { try Zstd.compress($0) }
        #expect(try decompressed(frame) == text)
        #expect(text.withUnsafeBytes { checksum32($0) } == 0xF896_CE81)
    }
}
