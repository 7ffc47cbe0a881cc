import Base
import Foundation
import Pictures
import TestSupport
import Testing

/// Files of a few bytes that ask for a lot.
@Suite("What a picture may cost is known from its header", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct HostilePictureTests {
    private func refusal(_ bytes: [UInt8], largest: Int? = nil) -> ImageError? {
        let budget = largest.map { PictureBudget(bytes: $0, largest: $0) }
        let stamp = FileStamp(size: Int64(bytes.count), modificationTime: 0)
        do throws(ImageError) {
            _ = try PictureReader(side: 14, budget: budget).read(bytes: bytes, path: "x", stamp: stamp)
            return nil
        } catch {
            return error
        }
    }

    private func segment(_ marker: UInt8, _ data: [UInt8]) -> [UInt8] {
        [0xFF, marker] + bigEndian16(data.count + 2) + data
    }

    private func bigEndian16(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
    private func bigEndian32(_ value: Int) -> [UInt8] { bigEndian16(value >> 16) + bigEndian16(value & 0xFFFF) }

    /// A progressive JPEG without a coefficient, with scans that go through all blocks in a few bytes.
    private func progressive(width: Int, height: Int, components: Int = 1, scans: Int) -> [UInt8] {
        var bytes: [UInt8] = [0xFF, 0xD8] + segment(0xDB, [0] + [UInt8](repeating: 1, count: 64))
        let identifiers = (1...components).map(UInt8.init)
        bytes += segment(
            0xC2,
            [8] + bigEndian16(height) + bigEndian16(width) + [UInt8(components)]
                + identifiers.flatMap { [$0, 0x11, 0] })
        // One code: the end of a run of 16384 to 32767 blocks.
        bytes += segment(0xC4, [0x10, 1] + [UInt8](repeating: 0, count: 15) + [0xE0])
        let runs = (width + 7) / 8 * ((height + 7) / 8) / 16384 + 1
        for number in 0..<scans {
            bytes += segment(0xDA, [1, 1, 0, 1, 63, number == 0 ? 0x01 : 0x10])
            bytes += [UInt8](repeating: 0, count: runs * 15 / 8 + 1)
        }
        return bytes + [0xFF, 0xD9]
    }

    @Test("A JPEG with more scans than encoders make is refused before any of them is decoded")
    func scans() throws {
        let bytes = progressive(width: 13376, height: 13376, scans: 60)
        #expect(bytes.count < 25_000)
        let error = try #require(refusal(bytes))
        #expect(error.code == .tooLarge)
        #expect(error.reason.contains("scans"), "\(error)")
        // As many scans of a small picture do no harm, and are decoded.
        #expect(refusal(progressive(width: 64, height: 64, scans: 60)) == nil)
        // Thousands of them would.
        #expect(refusal(progressive(width: 2048, height: 2048, scans: 3000))?.code == .tooLarge)
    }

    @Test("A JPEG whose coefficients have no room is refused before they are allocated")
    func coefficients() throws {
        let bytes = progressive(width: 4096, height: 4096, components: 4, scans: 1)
        #expect(bytes.count < 700)
        let error = try #require(refusal(bytes, largest: 128 << 20))
        #expect(error.code == .noMemory)
        // Three bytes for each pixel, and two for each coefficient of four components.
        let pixels = 4096 * 4096
        let bytesTaken: Int = pixels * 11 + 64 * 4096 + (1 << 20)
        #expect(error.reason.contains("\(bytesTaken) bytes"), "\(error)")
    }

    @Test("A side of more than a million pixels is refused, whatever the other one is", arguments: [true, false])
    func sides(tall: Bool) throws {
        var png = try #require(PictureFixture.named("type2-8bit.png")).bytes
        let size = tall ? [1, (1 << 20) + 1] : [(1 << 20) + 1, 1]
        png.replaceSubrange(16..<24, with: size.flatMap(bigEndian32))
        png.replaceSubrange(29..<33, with: bigEndian32(Int(crc32(png[12..<29]))))
        let error = try #require(refusal(png))
        #expect(error.code == .tooLarge)
        #expect(error.reason.contains("\(1 << 20)"))
    }

    @Test("The largest numbers that headers can hold are errors")
    func largestNumbers() throws {
        let largest = [UInt8](repeating: 0xFF, count: 8)
        var png = try #require(PictureFixture.named("type2-8bit.png")).bytes
        png.replaceSubrange(16..<24, with: largest)
        png.replaceSubrange(29..<33, with: bigEndian32(Int(crc32(png[12..<29]))))
        #expect(refusal(png)?.code == .tooLarge)
        for file in ["bmp-8.bmp", "bmp-24.bmp", "bmp-rle8.bmp"] {
            var bitmap = try #require(PictureFixture.named(file)).bytes
            for size in [largest, [0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F], [1, 0, 0, 0, 0, 0, 0, 0xFF]] {
                bitmap.replaceSubrange(18..<26, with: size)
                #expect([.tooLarge, .corrupt].contains(refusal(bitmap)?.code), "\(file)")
            }
        }
        for text in [
            "P6 4294967295 4294967295 255\n", "P5 2147483647 2147483647 65535\n", "P4 99999999999 1\n",
            "P2 1 1 65536\n1",
        ] {
            #expect([.tooLarge, .corrupt].contains(refusal(Array(text.utf8))?.code), "\(text)")
        }
        // Width and length of a TIFF (256, 257).
        let tags = try #require(PictureFixture.named("tiles.tif")).bytes
        var tiff = tags
        for index in 8..<(tags.count - 12)
        where tags[index + 1] == 1 && [0, 1].contains(tags[index]) && tags[index + 4] == 1 {
            tiff.replaceSubrange(index + 2..<index + 12, with: [4, 0, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF])
        }
        #expect(tiff != tags)
        #expect([.tooLarge, .corrupt].contains(refusal(tiff)?.code))
        var gif = try #require(PictureFixture.named("gif-palette.gif")).bytes
        gif.replaceSubrange(6..<10, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(refusal(gif)?.code == .tooLarge)
        var jpeg = try #require(PictureFixture.named("progressive.jpg")).bytes
        let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC2 })
        jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(refusal(jpeg)?.code == .tooLarge)
    }

    @Test("A WebP of 90 bytes with a large canvas is admitted by what it takes, and refused where that has no room")
    func canvas() throws {
        // An animation of 8000 x 8000 pixels, whose frame is the 40 x 30 pixels of a fixture.
        let frame = Array(try #require(PictureFixture.named("lossless.webp")).bytes.dropFirst(12))
        let little24 = { (value: Int) in [UInt8(value & 255), UInt8(value >> 8 & 255), UInt8(value >> 16 & 255)] }
        let little32 = { (value: Int) in little24(value) + [UInt8(value >> 24 & 255)] }
        let header = Array("VP8X".utf8) + little32(10) + [2, 0, 0, 0] + little24(7999) + little24(7999)
        let animation = Array("ANIM".utf8) + little32(6) + [0, 0, 0, 0, 0, 0]
        let place = little24(0) + little24(0) + little24(39) + little24(29) + little24(100) + [0]
        let picture = Array("ANMF".utf8) + little32(16 + frame.count) + place + frame
        let chunks = Array("WEBP".utf8) + header + animation + picture
        let bytes = Array("RIFF".utf8) + little32(chunks.count) + chunks
        let error = try #require(refusal(bytes, largest: 256 << 20))
        #expect(error.code == .noMemory)
        #expect(refusal(bytes, largest: 512 << 20) == nil)
    }

    @Test("Texts of a PNG are bounded, and what is of no use is not copied")
    func texts() throws {
        let png = try #require(PictureFixture.named("type2-8bit.png")).bytes
        func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
            let body = Array(type.utf8) + data
            return bigEndian32(data.count) + body + bigEndian32(Int(crc32(body[...])))
        }
        func with(_ chunks: [UInt8]) -> [UInt8] { Array(png[..<33]) + chunks + Array(png[33...]) }
        let comment = chunk("tEXt", Array("Comment\0".utf8) + [UInt8](repeating: 0x78, count: 2 << 20))
        #expect(refusal(with(comment)) == nil)
        let packet = chunk("tEXt", Array("xmp\0".utf8) + [UInt8](repeating: 0x78, count: 23 << 20))
        #expect(refusal(with(packet)) == nil)
        #expect(refusal(with(packet + packet + packet))?.code == .tooLarge)
    }

    @Test("A TIFF whose tiles are much larger than its picture is refused")
    func tiles() throws {
        var tiff = try #require(PictureFixture.named("tiles.tif")).bytes
        // The entries of tile width and length (322, 323) hold 16; the file is little-endian.
        var changed = 0
        for index in 8..<(tiff.count - 12) where tiff[index + 1] == 1 && [0x42, 0x43].contains(tiff[index]) {
            guard tiff[index + 8] == 16, tiff[index + 3] == 0 else { continue }
            tiff.replaceSubrange(index + 2..<index + 12, with: [4, 0, 1, 0, 0, 0, 0, 0, 1, 0])
            changed += 1
        }
        try #require(changed == 2)
        #expect(refusal(tiff)?.code == .corrupt)
    }

    @Test(
        "Lossless and hierarchical JPEG are named",
        arguments: [(UInt8(0xC3), "lossless"), (0xCB, "lossless"), (0xC5, "hier")])
    func kinds(marker: UInt8, word: String) throws {
        var jpeg = try #require(PictureFixture.named("gray.jpg")).bytes
        let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        jpeg[frame + 1] = marker
        let error = try #require(refusal(jpeg))
        #expect(error.code == .unsupportedFormat)
        #expect(error.reason.contains(word))
    }

    /// A picture of which every strip is the same bytes that take long to unpack: 16-bit samples, six a pixel, as LZMA
    /// literals. A file of 70 KB asks for many seconds.
    private func slowPicture(side: Int) throws -> [UInt8] {
        func little16(_ value: Int) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8 & 255)] }
        func little32(_ value: Int) -> [UInt8] { little16(value & 0xFFFF) + little16(value >> 16) }
        // Without repetitions, but not so many values that the bytes would be stored as they are.
        let row = (0..<side * 12).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) & 63 }
        let folder = try TemporaryFolder()
        try NewFile.write(row, to: folder.file("row"))
        let packed = try Programs.run("xz", ["-k", "--check=none", folder.file("row")])
        try #require(packed.status == 0, "\(packed.errors)")
        let strip = try FileBytes(path: folder.file("row.xz")).bytes
        let entries: [(tag: Int, kind: Int, count: Int, value: [UInt8])] = [
            (256, 4, 1, little32(side)), (257, 4, 1, little32(side)),
            (258, 3, 6, (0..<6).flatMap { _ in little16(16) }), (259, 3, 1, little32(34925)),
            (262, 3, 1, little32(2)), (273, 4, side, (0..<side).flatMap { _ in little32(8) }), (277, 3, 1, little32(6)),
            (278, 4, 1, little32(1)), (279, 4, side, (0..<side).flatMap { _ in little32(strip.count) }),
            (338, 3, 3, [0, 0, 0, 0, 0, 0]),
        ]
        var (values, table): ([UInt8], [UInt8]) = ([], little16(entries.count))
        let start = 8 + strip.count + strip.count % 2
        let valuesStart = start + 2 + entries.count * 12 + 4
        for entry in entries {
            table += little16(entry.tag) + little16(entry.kind) + little32(entry.count)
            if entry.value.count > 4 {
                table += little32(valuesStart + values.count)
                values += entry.value
            } else {
                table += entry.value
            }
        }
        let padding = [UInt8](repeating: 0, count: strip.count % 2)
        return Array("II*\0".utf8) + little32(start) + strip + padding + table + little32(0) + values
    }

    @Test("A small file that takes many seconds of processor time is given up, and is an ordinary picture otherwise")
    func slow() throws {
        #expect(try ImageDecoder.decode(slowPicture(side: 16)).originalWidth == 16)
        let bytes = try slowPicture(side: 4000)
        #expect(bytes.count < 100_000)
        var options = ImageDecoder.Options()
        options.maximumSeconds = 0.5
        let error = #expect(throws: ImageError.self) { try ImageDecoder.decode(bytes, options: options) }
        #expect(error?.code == .tooSlow && error?.reason.isEmpty == false)
    }

    @Test(
        "Decoders that can be interrupted look at the time",
        arguments: [
            "type2-8bit.png", "type6-8bit-interlaced.png", "lossless.webp", "lossy.webp", "progressive.jpg",
            "baseline-420.jpg", "tiles.tif", "ycbcr.tif", "jxl-lossy.jxl",
            "jp2-lossy.jp2",
        ])
    func interrupted(file: String) throws {
        let bytes = try #require(PictureFixture.named(file), "\(file)").bytes
        var options = ImageDecoder.Options()
        options.maximumSeconds = 0
        for lenient in [false, true] {
            options.lenient = lenient
            let error = #expect(throws: ImageError.self) { try ImageDecoder.decode(bytes, options: options) }
            #expect(error?.code == .tooSlow, "\(file)")
        }
    }

    private func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        let table = (0..<256).map { first in
            (0..<8).reduce(UInt32(first)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return ~bytes.reduce(~0) { sum, byte in table[Int((sum ^ UInt32(byte)) & 255)] ^ sum >> 8 }
    }
}
