import Archives
import Base
import Foundation
import TestSupport
import Testing

@Suite("Tar archives of every format are read", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct TarReadingTests {
    private static let archives = [
        "ustar.tar", "gnu.tar", "pax.tar", "pax.tar.gz", "gnu.tar.zst", "members.tar.gz", "v7.tar", "base256.tar",
        "spaces.tar", "global.tar",
    ]
    private static let kinds: [String: TarMember.Kind] = [
        "0": .file, "1": .hardLink, "2": .symbolicLink, "3": .characterDevice, "5": .directory, "6": .pipe,
    ]

    @Test("Members are those that Python's tarfile lists, from a file and from a pipe", arguments: archives)
    func members(archive: String) throws {
        let expected = try #require(try Fixture.json("members.json")[archive]?.array)
        #expect(!expected.isEmpty)
        for isFile in [true, false] {
            let bytes: any ByteSource =
                isFile ? try FileSource(path: Fixture.path(archive)) : source(try Fixture.bytes(archive), step: 700)
            let tar = try TarReader(bytes, name: archive)
            for values in expected {
                let member = try #require(try tar.next())
                // tarfile drops the slash at the end of a directory's name.
                #expect(member.name == values["name"]?.string || member.name == (values["name"]?.string ?? "") + "/")
                #expect(member.kind == Self.kinds[values["type"]?.string ?? ""], "\(member.name)")
                #expect(member.linkName == values["link"]?.string, "\(member.name)")
                #expect(member.size == values["size"]?.integer, "\(member.name)")
                #expect(member.offset == (isFile ? values["offset"]?.integer : nil), "\(member.name)")
                if let content = values["content"]?.string {
                    let bytes = try tar.readContent(maximumSize: 10_000)
                    #expect(bytes.count == member.size)
                    #expect(hexadecimal(bytes).prefix(400) == content)
                }
            }
            #expect(try tar.next() == nil)
            #expect(try tar.next() == nil)
            #expect(!tar.dataFollowsEnd)
        }
    }

    @Test("Members that are not read are passed over", arguments: archives)
    func skipping(archive: String) throws {
        let expected = try #require(try Fixture.json("members.json")[archive]?.array)
        let tar = try TarReader(try FileSource(path: Fixture.path(archive)), name: archive)
        for values in expected { #expect(try tar.next()?.size == values["size"]?.integer) }
        #expect(try tar.next() == nil)
    }

    @Test("An archive that is cut inside a member or header is an error; one whose end is missing is none")
    func cut() throws {
        let bytes = try Fixture.bytes("gnu.tar")
        let ends = try #require(try Fixture.json("members.json")["gnu.tar"]?.array).compactMap { member in
            (member["offset"]?.integer ?? 0) + (member["size"]?.integer ?? 0)
        }
        let last = try #require(ends.max())
        for count in stride(from: 1, to: last, by: 37) {
            var members = 0
            let error = archiveError {
                let tar = try TarReader(source(Array(bytes[..<count]), step: 1 << 16), name: "t")
                while try tar.next() != nil { members += 1 }
            }
            // Between two members nothing shows that there was more.
            #expect(error?.code == .truncated || (count % 512 == 0 && error == nil), "\(count) bytes")
        }
        for count in [(last + 511) / 512 * 512, bytes.count] {
            let tar = try TarReader(source(Array(bytes[..<count]), step: 999), name: "t")
            var members = 0
            while try tar.next() != nil { members += 1 }
            #expect(members == ends.count)
        }
    }

    @Test(
        "A compressed archive that is cut or damaged is an error",
        arguments: ["pax.tar.gz", "gnu.tar.zst", "members.tar.gz"])
    func compressed(archive: String) throws {
        let bytes = try Fixture.bytes(archive)
        for count in stride(from: 20, to: bytes.count - 120, by: 61) {
            #expect(throws: (any Error).self, "\(count) bytes") {
                let tar = try TarReader(source(Array(bytes[..<count]), step: 512), name: "t")
                while try tar.next() != nil {}
            }
        }
        var damaged = bytes
        damaged[bytes.count / 2] ^= 0x55
        #expect(throws: (any Error).self) {
            let tar = try TarReader(source(damaged, step: 1 << 16), name: "t")
            while try tar.next() != nil {}
        }
    }

    @Test("Sparse members are refused by their name", arguments: ["sparse-gnu.tar", "sparse-pax.tar"])
    func sparse(archive: String) throws {
        let error = try #require(
            archiveError {
                let tar = try TarReader(try FileSource(path: Fixture.path(archive)), name: archive)
                while try tar.next() != nil {}
            })
        #expect(error.code == .unsupported && error.reason.contains("sparse"))
    }

    @Test("What is no archive is refused, and so is an empty file")
    func notArchives() throws {
        for text in ["<html>Not found</html>", String(repeating: "text ", count: 200)] {
            let error = archiveError { _ = try TarReader(MemorySource(Array(text.utf8)), name: "t").next() }
            #expect(error?.code == (text.count > 512 ? .malformed : .truncated))
        }
        #expect(archiveError { _ = try TarReader(MemorySource([]), name: "t") }?.code == .truncated)
        #expect(try TarReader(MemorySource([UInt8](repeating: 0, count: 1024)), name: "t").next() == nil)
    }

    @Test("A header whose checksum is wrong is an error, and nothing follows it")
    func checksums() throws {
        var bytes = try Fixture.bytes("ustar.tar")
        let offset = try #require(try Fixture.json("members.json")["ustar.tar"]?.array?[2]["offset"]?.integer) - 512
        bytes[offset + 3] ^= 1
        let tar = try TarReader(MemorySource(bytes), name: "t")
        _ = try tar.next()
        _ = try tar.next()
        let error = try #require(archiveError { _ = try tar.next() })
        #expect(error.code == .malformed && error.reason.contains("byte \(offset)"))
        #expect(try tar.next() == nil)
    }

    @Test("Bytes behind the end are noticed")
    func joined() throws {
        let bytes = try Fixture.bytes("ustar.tar")
        let tar = try TarReader(MemorySource(bytes + bytes), name: "t")
        while try tar.next() != nil {}
        #expect(tar.dataFollowsEnd)
    }

    @Test("Large sizes and names are refused before memory is taken for them")
    func largeNumbers() throws {
        func header(type: String, size: [UInt8]) -> [UInt8] {
            var header = [UInt8](repeating: 0, count: 512)
            header.replaceSubrange(0..<1, with: Array("x".utf8))
            header.replaceSubrange(124..<124 + size.count, with: size)
            header[156] = Array(type.utf8)[0]
            header.replaceSubrange(148..<156, with: Array("        ".utf8))
            let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
            header.replaceSubrange(148..<148 + sum.utf8.count + 1, with: Array(sum.utf8) + [0])
            return header
        }
        let huge: [UInt8] = [0x80, 0, 0, 0, 0x7F] + [UInt8](repeating: 0xFF, count: 7)
        for type in ["0", "x", "g", "L", "K"] {
            let error = archiveError {
                _ = try TarReader(MemorySource(header(type: type, size: huge)), name: "t").next()
            }
            // Not `too_large`: that is what a sample may be, with others behind it.
            #expect(error?.code == .malformed, "\(type)")
        }
        for size: [UInt8] in [
            [0xFF] + [UInt8](repeating: 0xFF, count: 11), [0xBF] + [UInt8](repeating: 1, count: 11),
            Array("9".utf8), Array("77777777777x".utf8),
        ] {
            let error = archiveError {
                _ = try TarReader(MemorySource(header(type: "0", size: size)), name: "t").next()
            }
            #expect(error?.code == .malformed, "\(size)")
        }
        // A member that announces a terabyte takes no memory for what is not there.
        let terabyte: [UInt8] = [0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
        let tar = try TarReader(MemorySource(header(type: "0", size: terabyte)), name: "t")
        #expect(try tar.next()?.size == 1 << 40)
        #expect(archiveError { _ = try tar.readContent(maximumSize: 1 << 50) }?.code == .truncated)
    }

    @Test("Archives with changed bytes give members or typed errors, and never stop the process", arguments: archives)
    func mutations(archive: String) throws {
        let original = try Fixture.bytes(archive)
        var numbers = SeededGenerator(seed: UInt64(original.count))
        for _ in 0..<500 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...5, using: &numbers) {
                bytes[Int.random(in: 0..<bytes.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            }
            do {
                let samples = try SampleReader(source(bytes, step: 4096), name: "t") { _ in .read }
                while let sample = try samples.next() { #expect(!sample.key.isEmpty) }
            } catch {
                #expect(error is ArchiveError || error is CompressionError)
            }
        }
    }
}
