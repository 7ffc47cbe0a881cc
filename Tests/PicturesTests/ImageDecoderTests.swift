import Foundation
import Pictures
import TestSupport
import Testing

@Suite("Pictures are decoded as Pillow decodes them")
struct ImageDecoderTests {
    @Test("All fixtures are found")
    func fixtures() { #expect(PictureFixture.all.count > 180) }

    @Test("Every pixel equals Pillow's", arguments: PictureFixture.all)
    func pixels(fixture: PictureFixture) throws {
        let image = try ImageDecoder.decode(fixture.bytes).image
        #expect(image.width == fixture.width)
        #expect(image.height == fixture.height)
        guard let near = fixture.nearPixels else {
            #expect(SHA256.hexadecimal(of: image.pixels) == fixture.sha256)
            return
        }
        #expect(near.count == image.pixels.count)
        #expect(zip(near, image.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }

    @Test(
        "Every pixel of the resized picture equals Pillow's", arguments: PictureFixture.all.filter { $0.near == nil })
    func resized(fixture: PictureFixture) throws {
        let picture = try PictureReader(side: fixture.side).read(path: fixture.path)
        #expect(SHA256.hexadecimal(of: picture.image.pixels) == fixture.resized)
        #expect(picture.originalWidth == fixture.width)
        #expect(picture.originalHeight == fixture.height)
    }

    @Test(
        "A file that is cut off at any byte is an error, or what Pillow still accepts",
        arguments: PictureFixture.all.filter { $0.accepted != nil })
    func truncation(fixture: PictureFixture) throws {
        let bytes = fixture.bytes
        let accepted = Set(try #require(fixture.accepted))
        for length in bytes.indices {
            do throws(ImageError) {
                let image = try ImageDecoder.decode(Array(bytes[..<length])).image
                #expect(accepted.contains(length), "cut at \(length)")
                #expect(SHA256.hexadecimal(of: image.pixels) == fixture.sha256, "cut at \(length)")
            } catch {
                #expect(!accepted.contains(length), "cut at \(length)")
                // What is left of a signature looks like no picture; all that is longer is a picture cut off.
                let expected: [ImageError.Code] = length < 12 ? [.empty, .notAPicture, .truncated] : [.truncated]
                #expect(expected.contains(error.code), "cut at \(length): \(error)")
            }
        }
    }

    @Test(
        "A byte that is flipped anywhere is an error or another picture, never a crash",
        arguments: [
            "baseline-420.jpg", "progressive.jpg", "cmyk.jpg", "palette-4bit.png", "type2-8bit-interlaced.png",
            "lossy.webp",
            "lossless.webp", "animated.webp", "exif6.jpg", "xmp3-compressed.png", "scans-420-1.jpg", "gif-local.gif",
            "bmp-rgba.bmp", "bmp-rle8.bmp", "plain.ppm", "maximum1000.ppm", "tiles.tif", "tiff_adobe_deflate.tif",
            "jpeg-ycbcr-tiles.tif", "group4.tif", "palette.tif", "avif-alpha.avif", "heic-444.heic", "jxl-alpha.jxl",
            "jp2-lossy.jp2", "jp2-stream.j2k",
        ])
    func flips(file: String) throws {
        let bytes = try #require(PictureFixture.named(file)).bytes
        var options = ImageDecoder.Options()
        options.maximumPixels = 1 << 20
        for index in bytes.indices {
            options.lenient = index % 2 == 1
            var damaged = bytes
            damaged[index] ^= UInt8(truncatingIfNeeded: 1 << (index % 8))
            if let image = try? ImageDecoder.decode(damaged, options: options).image {
                #expect(image.pixels.count == image.width * image.height * 3)
            }
        }
    }

    @Test(
        "With ignoreExif pixels stay as they are stored",
        arguments: ["exif6.jpg", "exif6.png", "exif6.webp", "xmp6.jpg"])
    func ignoreExif(file: String) throws {
        let fixture = try #require(PictureFixture.named(file))
        var options = ImageDecoder.Options()
        options.ignoreExif = true
        let stored = try ImageDecoder.decode(fixture.bytes, options: options).image
        #expect((stored.width, stored.height) == (fixture.height, fixture.width))
        #expect(SHA256.hexadecimal(of: stored.oriented(.rotateClockwise).pixels) == fixture.sha256)
    }

    @Test("The name of a file says nothing about its format")
    func names() throws {
        let fixture = try #require(PictureFixture.named("lossy.webp"))
        try withTemporaryDirectory { directory in
            let path = directory + "/picture.jpg"
            try Data(fixture.bytes).write(to: URL(fileURLWithPath: path))
            let picture = try PictureReader(side: fixture.side).read(path: path)
            #expect(SHA256.hexadecimal(of: picture.image.pixels) == fixture.resized)
        }
    }
}
