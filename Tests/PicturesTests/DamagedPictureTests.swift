import Base
import Foundation
import Pictures
import TestSupport
import Testing

@Suite(
    "A damaged picture gives what can be decoded, where that is asked for",
    .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct DamagedPictureTests {
    private var lenient: ImageDecoder.Options {
        var options = ImageDecoder.Options()
        options.lenient = true
        return options
    }

    @Test(
        "What a truncated file gives equals Pillow's with LOAD_TRUNCATED_IMAGES, and is marked",
        arguments: PictureFixture.all.filter { $0.lenient != nil })
    func truncated(fixture: PictureFixture) throws {
        for beginning in try #require(fixture.lenient) {
            let part = Array(fixture.bytes.prefix(beginning.length))
            let strict = #expect(throws: ImageError.self) { try ImageDecoder.decode(part) }
            #expect(strict?.code == .truncated, "\(beginning.length) bytes")
            let picture = try ImageDecoder.decode(part, options: lenient)
            #expect(SHA256.hexadecimal(of: picture.image.pixels) == beginning.sha256, "\(beginning.length) bytes")
            #expect(picture.isDamaged)
        }
    }

    @Test("A whole picture is the same with the option, and not marked", arguments: PictureFixture.all)
    func whole(fixture: PictureFixture) throws {
        let picture = try ImageDecoder.decode(fixture.bytes, options: lenient)
        #expect(picture.isDamaged == (fixture.damaged ?? false))
        #expect(try picture == ImageDecoder.decode(fixture.bytes))
    }

    @Test("A picture that is read from a file says whether it is damaged")
    func reader() throws {
        let scans = try #require(PictureFixture.named("scans-420-1.jpg"))
        #expect(try PictureReader(side: 14).read(path: scans.path).isDamaged)
        let whole = try #require(PictureFixture.named("progressive.jpg"))
        #expect(try !PictureReader(side: 14).read(path: whole.path).isDamaged)
    }

    @Test("A picture of which nothing can be decoded is an error all the same")
    func nothing() throws {
        for (file, length) in [
            ("baseline-420.jpg", 300), ("type2-8bit.png", 60), ("heic-444.heic", 700), ("gif-palette.gif", 700),
        ] {
            let part = Array(try #require(PictureFixture.named(file)).bytes.prefix(length))
            #expect(throws: ImageError.self) { try ImageDecoder.decode(part, options: lenient) }
        }
    }
}
