import Archives
import Base
import Foundation
import TestSupport
import Testing

@Suite("Tar archives are written", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct TarWritingTests {
    /// Writes an archive with `body` and returns its bytes.
    private func archive(_ body: (TarWriter) throws -> Void) throws -> [UInt8] {
        try withTemporaryDirectory { folder in
            let path = folder + "/t.tar"
            let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
            defer { close(descriptor) }
            let writer = TarWriter(descriptor: descriptor, name: path)
            try body(writer)
            try writer.finish()
            let bytes = try FileBytes(path: path).bytes
            #expect(bytes.count == writer.size)
            return bytes
        }
    }

    @Test("Names and contents of every length are read back, and equal content gives equal bytes")
    func roundTrip() throws {
        let names =
            [1, 99, 100, 101, 155, 156, 255, 256, 257, 1000, 9990].map { String(repeating: "n", count: $0) }
            + [
                "a/b.jpg", String(repeating: "d/", count: 120) + "e.txt", "日本/語.json",
                String(repeating: "ü", count: 200),
            ]
            + [String(repeating: "d", count: 155) + "/" + String(repeating: "e", count: 100), "trailing/", "/root.txt"]
        let sizes = [0, 1, 511, 512, 513, 100_000]
        let write: (TarWriter) throws -> Void = { writer in
            for (index, name) in names.enumerated() {
                try writer.append(name, [UInt8](repeating: UInt8(index), count: sizes[index % sizes.count]))
            }
        }
        let bytes = try archive(write)
        #expect(bytes == (try archive(write)))
        #expect(bytes.count % 512 == 0)
        let tar = try TarReader(MemorySource(bytes), name: "t")
        for (index, name) in names.enumerated() {
            let member = try #require(try tar.next())
            #expect(member.name == name && member.kind == .file)
            let content = [UInt8](repeating: UInt8(index), count: sizes[index % sizes.count])
            #expect(try tar.readContent(maximumSize: 1 << 20) == content)
        }
        #expect(try tar.next() == nil)
    }

    @Test("Names that are not UTF-8 keep their bytes, written and read")
    func otherNames() throws {
        let names: [[UInt8]] = [
            [0x63, 0xE9, 0x2E, 0x6A, 0x70, 0x67], [0x63, 0xE8, 0x2E, 0x6A, 0x70, 0x67], [0xFF, 0x2E, 0x61],
        ]
        let bytes = try archive { writer in
            for name in names { try writer.append(SystemText.text(name), name) }
        }
        let samples = try SampleReader(MemorySource(bytes), name: "t") { _ in .read }
        for name in names {
            let field = try #require(try samples.next()?.fields.first)
            #expect(SystemText.bytes(of: field.memberName) == name)
            #expect(field.bytes == name)
        }
        #expect(try samples.next() == nil)
    }

    @Test("A member that comes in pieces is whole")
    func pieces() throws {
        let bytes = try archive { writer in
            try writer.begin("a", size: 1_000_000)
            for _ in 0..<10 {
                try [UInt8](repeating: 7, count: 100_000).withUnsafeBytes { try writer.write($0) }
            }
            try writer.append("b", [1])
        }
        let tar = try TarReader(MemorySource(bytes), name: "t")
        _ = try tar.next()
        #expect(try tar.readContent(maximumSize: 1 << 20) == [UInt8](repeating: 7, count: 1_000_000))
        #expect(try tar.next()?.name == "b")
    }

    @Test("A member of 9 GB has its size in a PAX header, and is found without reading it")
    func largeMember() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/large.tar"
            let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
            defer { close(descriptor) }
            let size = 9_000_000_000
            let writer = TarWriter(descriptor: descriptor, name: path)
            try writer.begin("large.bin", size: size)
            try writer.flush()
            // The content is a hole in the file.
            let start = writer.size
            let end = start + (size + 511) / 512 * 512
            #expect(lseek(descriptor, end, SEEK_SET) == end)
            let rest = TarWriter(descriptor: descriptor, name: path)
            try rest.append("b.txt", Array("b".utf8))
            try rest.finish()
            let tar = try TarReader(try FileSource(path: path), name: path)
            let large = try #require(try tar.next())
            #expect(large.name == "large.bin" && large.size == size && large.offset == start)
            #expect(try tar.next()?.offset == end + 512)
            #expect(try tar.readContent(maximumSize: 10) == Array("b".utf8))
            #expect(try tar.next() == nil)
        }
    }

    @Test("A name that no archive can hold is refused, and a full disk is an error")
    func refusals() throws {
        _ = try archive { writer in
            for name in ["", "a\0b"] { #expect(archiveError { try writer.append(name, []) }?.code == .malformed) }
        }
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        defer { close(full) }
        let writer = TarWriter(descriptor: full, name: "full")
        try writer.append("a", [1])
        #expect(archiveError { try writer.finish() }?.reason.contains("no space left") == true)
    }
}
