import Base
import Foundation
import Pictures
import TestSupport
import Testing

@Suite("A file that is no usable picture is refused with its reason")
struct BadPictureTests {
    private func refusal(decoding bytes: [UInt8], maximumPixels: Int? = nil) -> ImageError? {
        var options = ImageDecoder.Options()
        if let maximumPixels { options.maximumPixels = maximumPixels }
        do throws(ImageError) {
            _ = try ImageDecoder.decode(bytes, options: options)
            return nil
        } catch {
            return error
        }
    }

    private func refusal(reading path: String) -> ImageError? {
        do throws(ImageError) {
            _ = try PictureReader(side: 14).read(path: path)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "Other formats are named",
        arguments: [
            ("\0\0\u{1}\0\u{1}\0", ImageError.Code.unsupportedFormat, "ICO"), ("8BPS", .unsupportedFormat, "Photoshop"),
            ("qoif....", .unsupportedFormat, "QOI"), ("\0\0\0 ftypisom", .unsupportedFormat, "MP4"),
            ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n", .notAPicture, "git lfs pull"),
            ("#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", .notAPicture, "playlist"), ("ID3....", .notAPicture, "sound"),
            ("%PDF-1.7", .notAPicture, "PDF"), ("<html><body>Not found", .notAPicture, "HTML"),
            ("<?xml version='1.0'?><svg>", .notAPicture, "SVG"), ("Just some words.", .notAPicture, "text"),
            ("BMW builds cars", .notAPicture, "text"), ("\u{1}\u{2}\u{3}", .notAPicture, "binary"),
        ])
    func formats(start: String, code: ImageError.Code, word: String) throws {
        let error = try #require(refusal(decoding: Array(start.utf8)))
        #expect(error.code == code)
        #expect(error.reason.contains(word), "\(error)")
    }

    @Test("A header that claims 200 megapixels is refused before anything is allocated for them")
    func headerBombs() throws {
        // 20000 x 10000 pixels, in the header of each format.
        let png = try patched("type2-8bit.png", at: 16, with: [0, 0, 0x4E, 0x20, 0, 0, 0x27, 0x10], fixChecksumAt: 29)
        let jpeg = try #require(PictureFixture.named("gray.jpg")).bytes
        let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        let jpegBomb = try patched("gray.jpg", at: frame + 5, with: [0x27, 0x10, 0x4E, 0x20])
        // WebP's own limit is 16383 pixels a side: 16383 x 12300.
        let size = UInt32(16382) | UInt32(12299) << 14
        let webp = try patched(
            "lossless.webp", at: 21, with: (0..<4).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) })
        for (bytes, text) in [(png, "20000 x 10000"), (jpegBomb, "20000 x 10000"), (webp, "16383 x 12300")] {
            let error = try #require(refusal(decoding: bytes))
            #expect(error.code == .tooLarge)
            #expect(error.reason.contains(text), "\(error)")
        }
    }

    @Test("The maximum number of pixels can be set")
    func limit() throws {
        let fixture = try #require(PictureFixture.named("type2-8bit.png"))
        #expect(refusal(decoding: fixture.bytes, maximumPixels: 13 * 11) == nil)
        #expect(refusal(decoding: fixture.bytes, maximumPixels: 13 * 11 - 1)?.code == .tooLarge)
    }

    @Test("A picture without pixels is corrupt")
    func zeroSize() throws {
        let png = try patched("type2-8bit.png", at: 16, with: [0, 0, 0, 0], fixChecksumAt: 29)
        #expect(refusal(decoding: png)?.code == .corrupt)
    }

    @Test("A wrong checksum is corrupt")
    func checksum() throws {
        #expect(refusal(decoding: try patched("gamma.png", at: 41, with: [1]))?.code == .corrupt)
    }

    @Test("A JPEG with 12 bits a sample or five components is unsupported")
    func strangeJPEG() throws {
        let jpeg = try #require(PictureFixture.named("baseline-444.jpg")).bytes
        let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        for (offset, value) in [(4, 12), (9, 5)] as [(Int, UInt8)] {
            let strange = try patched("baseline-444.jpg", at: frame + offset, with: [value])
            #expect(refusal(decoding: strange)?.code == .unsupportedFormat)
        }
    }

    @Test("Missing files, directories, empty and unreadable files each have their code")
    func files() throws {
        try withTemporaryDirectory { directory in
            #expect(refusal(reading: directory + "/nothing.png")?.code == .missing)
            #expect(refusal(reading: directory + "/nothing.png/x.png")?.code == .missing)
            #expect(refusal(reading: directory)?.code == .isDirectory)
            let path = directory + "/empty.png"
            try Data().write(to: URL(fileURLWithPath: path))
            #expect(refusal(reading: path)?.code == .empty)
            #expect(refusal(reading: path)?.description.hasPrefix(path) == true)
            #expect(refusal(reading: "/dev/null")?.code == .unreadable)
            let pipe = directory + "/pipe.png"
            #expect(mkfifo(pipe, 0o600) == 0)
            #expect(refusal(reading: pipe)?.code == .unreadable)
            // The superuser may read everything.
            chmod(path, 0)
            #expect(refusal(reading: path)?.code == (geteuid() == 0 ? .empty : .unreadable))
        }
    }

    @Test("A file that changed since its stamp was taken is refused")
    func changed() throws {
        let fixture = try #require(PictureFixture.named("type2-8bit.png"))
        try withTemporaryDirectory { directory in
            let path = directory + "/picture.png"
            try Data(fixture.bytes).write(to: URL(fileURLWithPath: path))
            let stamp = try FileStamp(path: path)
            let reader = PictureReader(side: fixture.side)
            #expect(try reader.read(path: path, expecting: FileExpectation(stamp)).stamp == stamp)
            var times = [timespec(tv_sec: 1, tv_nsec: 2), timespec(tv_sec: 3, tv_nsec: 4)]
            #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
            #expect(try FileStamp(path: path).modificationTime == 3_000_000_004)
            let error = #expect(throws: ImageError.self) {
                try reader.read(path: path, expecting: FileExpectation(stamp))
            }
            #expect(error?.code == .changed)
        }
    }

    /// A fixture with some bytes replaced; `fixChecksumAt` is where PNG's header has its checksum.
    private func patched(
        _ file: String, at offset: Int, with replacement: [UInt8], fixChecksumAt checksum: Int? = nil
    ) throws -> [UInt8] {
        var bytes = try #require(PictureFixture.named(file)).bytes
        bytes.replaceSubrange(offset..<offset + replacement.count, with: replacement)
        if let checksum {
            let value = crc32(bytes[12..<checksum])
            bytes.replaceSubrange(
                checksum..<checksum + 4, with: (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) })
        }
        return bytes
    }

    private func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
    }
}
