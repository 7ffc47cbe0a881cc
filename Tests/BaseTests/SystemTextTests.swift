import Base
import Foundation
import TestSupport
import Testing

@Suite("Text of the system's bytes")
struct SystemTextTests {
    @Test(
        "Bytes become valid text and the very bytes again, and two byte strings never become one text",
        arguments: [
            [], Array("plain.jpg".utf8), Array("café 猫 🐱.png".utf8), [0x63, 0xE9, 0x2E, 0x70],
            [0x63, 0xE8, 0x2E, 0x70], [0xFF],
            [0x80, 0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x90, 0x41], [0xED, 0xA0, 0x80], [0xC0, 0xAF],
            [0xF4, 0x90, 0x80, 0x80],
            // The very scalars that stand for bytes, and their neighbors.
            Array("\u{10FEFF}\u{10FE80}\u{10FE7F}\u{10FF00}".utf8), Array("\u{10FEE9}".utf8) + [0xE9],
            [0x0A, 0x1B, 0x00, 0x0D, 0x0A],
        ] as [[UInt8]])
    func roundTrip(bytes: [UInt8]) {
        let text = SystemText.text(bytes)
        #expect(SystemText.bytes(of: text) == bytes)
        if String(validating: bytes, as: UTF8.self) == nil { #expect(text.utf8.count > bytes.count) }
    }

    @Test("Any bytes become the very bytes again")
    func anyBytes() {
        var generator = SeededGenerator(seed: 7)
        let pieces: [[UInt8]] = [
            [0xF4, 0x8F, 0xBA], [0xF4, 0x8F, 0xBB, 0xBF], [0xE9], [0x41], [0xC3, 0xA9], [0xF4, 0x8F], [0xBB],
        ]
        var texts: [[UInt8]: [UInt8]] = [:]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...6, using: &generator)).flatMap { _ in
                pieces.randomElement(using: &generator) ?? []
            }
            let text = SystemText.text(bytes)
            #expect(SystemText.bytes(of: text) == bytes)
            texts[Array(text.utf8)] = texts[Array(text.utf8), default: bytes]
            #expect(texts[Array(text.utf8)] == bytes)
        }
    }

    @Test("Files whose names are not UTF-8 are made, listed, read and removed, and a NUL in a name names no file")
    func fileSystem() throws {
        try withTemporaryDirectory { directory in
            let names: [[UInt8]] = [
                [0x63, 0xE9], [0x63, 0xE8], Array("a\nb".utf8), Array("/\u{301}x".dropFirst().utf8),
            ]
            let folder = directory + "/" + SystemText.text([0xFF, 0xFE])
            try FileSystem.makeFolder(folder + "/deep")
            for name in names { try NewFile.write(name, to: folder + "/" + SystemText.text(name)) }
            let listed = try FileSystem.names(in: folder)
            #expect(Set(listed.map { SystemText.bytes(of: $0) }) == Set(names + [Array("deep".utf8)]))
            for name in names {
                #expect(FileSystem.contents(of: folder + "/" + SystemText.text(name)) == name)
                #expect(FileSystem.contents(of: folder + "/" + SystemText.text(name) + "\0.png") == nil)
            }
            let error = #expect(throws: FileError.self) { try FileBytes(path: folder + "/a\0b") }
            #expect(error?.code == .missing && error?.reason.contains("NUL") == true)
            FileSystem.removeTree(folder)
            #expect(!FileSystem.exists(folder))
        }
    }

    @Test("The parts of a path are split at its slashes and periods, whatever characters follow them")
    func parts() {
        #expect("a/b/".parentPath == "a" && "/b".parentPath == "/" && "b".parentPath == "" && "/".parentPath == "/")
        #expect("a//b".parentPath == "a" && "a/b/".lastPathPart == "b" && "/".lastPathPart == "/")
        #expect(Array("a/\u{301}b".parentPath.utf8) == Array("a".utf8))
        #expect(Array("a/\u{301}b.JPG".lastPathPart.utf8) == Array("\u{301}b.JPG".utf8))
        #expect("x/a.b.JPG".pathExtension == "jpg" && ".jpg".pathExtension == "" && "a.d/b".pathExtension == "")
    }

    @Test(
        "A new file replaces a symbolic link and not what it points to, and leaves nothing behind where it is given up")
    func newFile() throws {
        try withTemporaryDirectory { directory in
            let (victim, path) = (directory + "/victim", directory + "/out")
            try NewFile.write(Array("precious".utf8), to: victim)
            for name in [path, path + ".part"] { #expect(symlink(victim, name) == 0) }
            try NewFile.write(Array("new".utf8), to: path)
            #expect(FileSystem.contents(of: victim) == Array("precious".utf8))
            #expect(FileSystem.contents(of: path) == Array("new".utf8) && FileSystem.target(ofLink: path) == nil)
            _ = try NewFile(for: directory + "/never")
            #expect(try FileSystem.names(in: directory).sorted() == ["out", "out.part", "victim"])
            let error = #expect(throws: SystemError.self) { try NewFile(for: directory + "/none/x") }
            #expect(error?.number == ENOENT)
        }
    }

    @Test("A time of change that nanoseconds cannot hold is a stamp like any other")
    func lateDates() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/late"
            try NewFile.write([1], to: path)
            var stamps: [FileStamp] = []
            for second in [9_223_372_037, 9_223_372_038, 15_000_000_000, -9_300_000_000] {
                let times = [timeval(tv_sec: second, tv_usec: 0), timeval(tv_sec: second, tv_usec: 0)]
                guard utimes(path, times) == 0 else { continue }
                stamps.append(try FileStamp(path: path))
            }
            #expect(Set(stamps).count == stamps.count && !stamps.isEmpty)
        }
    }
}
