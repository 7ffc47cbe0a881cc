import Foundation
import Pictures
import TestSupport
import Testing

@Suite("What a file is, by its first bytes and by its extension")
struct MediaFormatTests {
    @Test("Every fixture is recognized by its bytes", arguments: PictureFixture.all)
    func fixtures(fixture: PictureFixture) throws {
        guard case .image(let format) = MediaFormat(of: fixture.bytes) else {
            Issue.record("not a picture")
            return
        }
        guard fixture.file != "gif-behind-jpg.jpg" else {
            #expect(format == .gif)
            return
        }
        let text = try #require(fixture.file.split(separator: ".").last)
        #expect(format.extensions.contains(String(text)))
        #expect(MediaFormat(extension: text.uppercased()) == .image(format))
    }

    @Test("No extension belongs to two formats, and all are in lower case")
    func extensions() {
        let all = ImageFormat.allCases.flatMap(\.extensions) + VideoFormat.allCases.flatMap(\.extensions)
        #expect(Set(all).count == all.count)
        #expect(all.allSatisfy { $0 == $0.lowercased() && !$0.hasPrefix(".") })
        for text in ["jfif", "jpe", "pjpeg", "apng", "dib", "tiff", "heif", "jxl", "jpx", "mpo", "pnm"] {
            #expect(ImageFormat(extension: text) != nil, "\(text)")
        }
        for text in ["webm", "m4v", "mts", "3gp", "ogv", "wmv", "flv"] {
            #expect(VideoFormat(extension: text) != nil, "\(text)")
        }
        for text in ["ico", "svg", "txt", "", "m3u8", "mpd"] { #expect(MediaFormat(extension: text) == nil, "\(text)") }
    }

    @Test(
        "Pictures in boxes are told from videos, and AVIF from HEIF, whatever brand comes first",
        arguments: [
            ("avif", ["avif", "mif1"], MediaFormat.image(.avif)), ("mif1", ["mif1", "avif"], .image(.avif)),
            ("mif1", ["heic", "mif1"], .image(.heif)), ("heic", ["mif1"], .image(.heif)),
            ("msf1", ["avis", "miaf"], .image(.avif)), ("msf1", ["hevc"], .image(.heif)),
            ("mif1", ["miaf"], .image(.heif)),
            ("isom", ["avc1", "mp41"], .video(.mp4)), ("qt  ", [], .video(.mp4)), ("M4V ", ["avif"], .video(.mp4)),
        ])
    func brands(major: String, compatible: [String], expected: MediaFormat) {
        let length = UInt8(16 + 4 * compatible.count)
        let text = "ftyp" + major + "\0\0\0\0" + compatible.joined()
        #expect(MediaFormat(of: [0, 0, 0, length] + Array(text.utf8)) == expected)
    }

    @Test("AVIF of the general brand is recognized by the kind of its items")
    func items() {
        let text = "\0\0\0\u{10}ftypmif1\0\0\0\0" + "\0\0\0\u{30}meta....infe\u{2}\0\0\0\0\u{1}\0\0av01"
        #expect(MediaFormat(of: Array(text.utf8)) == .image(.avif))
    }

    @Test(
        "Texts, lists of files and other things are neither, and their kind is named",
        arguments: [
            ("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist"), ("<?xml version=\"1.0\"?><MPD>", "DASH"),
            ("ffconcat version 1.0\nfile x.mp4\n", "text"),
            ("version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
            ("RIFF....WAVEfmt ", "sound"), ("fLaC....", "sound"), ("GIF88a", "text"), ("P8 1 1", "text"),
        ])
    func others(text: String, word: String) {
        guard case .other(let description) = MediaFormat(of: Array(text.utf8)) else {
            Issue.record("\(MediaFormat(of: Array(text.utf8)))")
            return
        }
        #expect(description.contains(word), "\(description)")
    }

    @Test("JPEG XL in a container or without is a picture and no video")
    func jpegXL() {
        #expect(MediaFormat(of: [0xFF, 0x0A, 0, 0]) == .image(.jpegXL))
        #expect(MediaFormat(of: [0, 0, 0, 12] + Array("JXL \r\n".utf8) + [0x87, 10]) == .image(.jpegXL))
    }
}
