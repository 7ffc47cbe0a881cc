import Foundation
import Pictures
import TestSupport
import Testing

@Suite("Options of the decoder", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct DecodingOptionTests {
    @Test(
        "A background shows through transparent pixels as Pillow pastes a picture with its alpha",
        arguments: PictureFixture.all.filter { $0.background != nil })
    func background(fixture: PictureFixture) throws {
        var options = ImageDecoder.Options()
        options.background = RGBColor("#4080C0")
        let image = try ImageDecoder.decode(fixture.bytes, options: options).image
        #expect(SHA256.hexadecimal(of: image.pixels) == fixture.background)
    }

    @Test("Colors are written as a name or in six hexadecimal digits, and nothing else")
    func colors() {
        #expect(RGBColor("white") == RGBColor(red: 255, green: 255, blue: 255))
        #expect(RGBColor("BLACK") == .black)
        #expect(RGBColor("#0aFf80") == RGBColor(red: 10, green: 255, blue: 128))
        #expect(RGBColor(red: 10, green: 255, blue: 128).description == "#0aff80")
        for text in ["", "#", "#fff", "#12345g", "1234567", "#1234567", "#12345", "red", "#１２３４５６"] {
            #expect(RGBColor(text) == nil, "\(text)")
        }
    }

    @Test(
        "16-bit gray is clipped to 8 bits, or scaled where that is asked for",
        arguments: [
            "type0-16bit.png", "gray16.tif", "gray16-big-endian.tif", "maximum65535.pgm", "jxl-gray16.jxl",
            "jp2-gray16.jp2",
        ])
    func sixteenBits(file: String) throws {
        let fixture = try #require(PictureFixture.named(file))
        var options = ImageDecoder.Options()
        options.scale16Bit = true
        let clipped = try ImageDecoder.decode(fixture.bytes).image.pixels
        let scaled = try ImageDecoder.decode(fixture.bytes, options: options).image.pixels
        #expect(Set(clipped).contains(255))
        // What is below 256 of 65535 is 0 or 1, everything else was clipped to 255.
        #expect(zip(clipped, scaled).allSatisfy { $0 < 255 ? $1 <= 1 : true })
        #expect(Set(scaled).count > 10)
    }

    @Test("The samples of a 16-bit PNG are scaled to the nearest of 8 bits")
    func scaling() throws {
        var options = ImageDecoder.Options()
        options.scale16Bit = true
        let samples: [UInt16] = [0, 128, 129, 255, 256, 257, 32767, 32768, 65406, 65407, 65535]
        let header = Array("P5 \(samples.count) 1 65535\n".utf8)
        let file = header + samples.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
        let pixels = try ImageDecoder.decode(file, options: options).image.pixels
        let expected = samples.map { UInt8((Double($0) * 255 / 65535).rounded()) }
        #expect(stride(from: 0, to: pixels.count, by: 3).map { pixels[$0] } == expected)
        let clipped = try ImageDecoder.decode(file).image.pixels
        #expect(stride(from: 0, to: pixels.count, by: 3).map { clipped[$0] } == samples.map { UInt8(min($0, 255)) })
    }

    @Test(
        "A fast decoder gives a JPEG of at least twice the wanted side, says its true size, and leaves other formats alone"
    )
    func fast() throws {
        var options = ImageDecoder.Options()
        options.fastDecode = true
        // 40 x 30, 33 x 25 and 17 x 33 pixels.
        let sizes = [
            ("baseline-420.jpg", 3, 10, 8), ("baseline-420.jpg", 4, 20, 15), ("baseline-420.jpg", 7, 20, 15),
            ("baseline-420.jpg", 8, 40, 30),
            ("baseline-420.jpg", 1, 5, 4), ("scans-420-1.jpg", 3, 9, 7), ("odd-size.jpg", 2, 5, 9),
            ("type2-8bit.png", 1, 13, 11),
        ]
        for (file, side, width, height) in sizes {
            let fixture = try #require(PictureFixture.named(file))
            let picture = try ImageDecoder.decode(fixture.bytes, options: options, forSide: side)
            #expect(picture.originalWidth == fixture.width && picture.originalHeight == fixture.height)
            #expect((picture.image.width, picture.image.height) == (width, height), "\(file) for \(side)")
        }
    }

    @Test("A fast decoder's squares are near those of the whole picture")
    func fastSquares() throws {
        let fixture = try #require(PictureFixture.named("baseline-444.jpg"))
        var reader = PictureReader(side: 7)
        let exact = try reader.read(path: fixture.path)
        reader.options.fastDecode = true
        let fast = try reader.read(path: fixture.path)
        let differences = zip(exact.image.pixels, fast.image.pixels).map { abs(Int($0) - Int($1)) }
        #expect(differences.contains { $0 > 0 })
        #expect(differences.max() ?? 0 <= 32)
        #expect(fast.originalWidth == 40)
    }
}
