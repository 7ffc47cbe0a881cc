import Foundation
import Pictures
import TestSupport
import Testing

/// The committed pictures and what Pillow makes of them (Tests/Fixtures/pictures/make.py).
struct PictureFixture: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    let width: Int
    let height: Int
    let sha256: String
    /// The side of the square that `resized` is the digest of.
    let side: Int
    let resized: String
    /// Lengths of beginnings that Pillow accepts, with the same pixels; nil where nobody tried.
    let accepted: [Int]?
    /// Beginnings of the file, and what Pillow makes of them when it may load truncated pictures.
    let lenient: [Beginning]?
    /// SHA-256 of the picture on #4080c0.
    let background: String?
    /// The pixels in base64, where another version of the library may differ by 1 in a sample; nil where none may.
    let near: String?
    /// Whether parts of the picture are missing or broken, and Pillow fills them in or does not look; nil for no.
    let damaged: Bool?

    struct Beginning: Decodable, Sendable {
        /// Bytes of the file.
        let length: Int
        let sha256: String

        init(from decoder: any Decoder) throws {
            var pair = try decoder.unkeyedContainer()
            length = try pair.decode(Int.self)
            sha256 = try pair.decode(String.self)
        }
    }

    var testDescription: String { file }

    var bytes: [UInt8] { [UInt8](FileManager.default.contents(atPath: path) ?? Data()) }
    var path: String { Fixtures.path("pictures/" + file) }

    /// [height, width, 3] bytes that the decoded picture is near to.
    var nearPixels: [UInt8]? {
        near.flatMap { Data(base64Encoded: $0) }.map { [UInt8]($0) }
    }

    static let all: [PictureFixture] = {
        guard let data = FileManager.default.contents(atPath: Fixtures.path("pictures/expected.json")) else {
            return []
        }
        return (try? JSONDecoder().decode([PictureFixture].self, from: data)) ?? []
    }()

    static func named(_ file: String) -> PictureFixture? { all.first { $0.file == file } }
}

/// The pseudo-random picture of the resizing goldens: bits 16 to 23 of a linear congruential generator.
func generatedPicture(width: Int, height: Int) -> RGBImage {
    var state: UInt64 = 1
    let pixels = (0..<width * height * 3).map { _ -> UInt8 in
        state = (state * 1_103_515_245 + 12345) % (1 << 31)
        return UInt8(truncatingIfNeeded: state >> 16)
    }
    return RGBImage(width: width, height: height, pixels: pixels)
}
