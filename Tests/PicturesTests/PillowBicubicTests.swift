import Base
import Pictures
import TestSupport
import Testing

@Suite("Resizing equals Pillow's bicubic to the bit")
struct PillowBicubicTests {
    @Test("The weights of 8 samples to 5 and to 3 are the known ones")
    func weights() throws {
        let kernel = try #require(PillowFilter.bicubic.kernel)
        let five = PillowResampling.Coefficients(from: 8, to: 5, kernel)
        #expect(five.starts == [0, 0, 1, 2, 4])
        let rows: [[Int32]] = [
            [2_564_317, 1_799_741, -76390, -93365], [-158790, 1_221_146, 2_541_575, 784553, -189483, -4698],
            [-143542, 103181, 2_137_513, 2_137_513, 103181, -143542],
        ]
        for (index, row) in rows.enumerated() {
            #expect(weights(of: five, at: index) == row)
            #expect(weights(of: five, at: 4 - index) == row.reversed())
        }
        let three = PillowResampling.Coefficients(from: 8, to: 3, kernel)
        #expect(three.starts == [0, 0, 1])
        #expect(weights(of: three, at: 0) == [1_357_984, 1_678_094, 1_096_189, 261175, -104842, -91194, -3102])
        #expect(weights(of: three, at: 1) == [-113649, 59548, 732425, 1_418_827, 1_418_827, 732425, 59548, -113649])
        #expect(weights(of: three, at: 2) == weights(of: three, at: 0).reversed())
    }

    private func weights(of filter: PillowResampling.Coefficients, at index: Int) -> [Int32] {
        Array(filter.weights[index * filter.taps..<index * filter.taps + Int(filter.counts[index])])
    }

    @Test(
        "A row becomes the known rows",
        arguments: [
            (5, [17, 162, 109, 128, 53]), (3, [80, 134, 84]),
            (13, [0, 9, 55, 211, 210, 21, 97, 200, 117, 98, 129, 55, 0]),
            (8, [0, 50, 255, 10, 200, 90, 128, 7]),
        ] as [(Int, [UInt8])])
    func rows(size: Int, expected: [UInt8]) {
        let row = RGBImage(width: 8, height: 1, pixels: [0, 50, 255, 10, 200, 90, 128, 7].flatMap { [$0, $0, $0] })
        let wide = PillowResampling.resize(row, toWidth: size, height: 1)
        #expect(wide.pixels == expected.flatMap { [$0, $0, $0] })
        let column = RGBImage(width: 1, height: 8, pixels: row.pixels)
        #expect(PillowResampling.resize(column, toWidth: 1, height: size).pixels == wide.pixels)
    }

    @Test(
        "Two generated pictures become the known squares",
        arguments: [
            (90, 60, 299_856, "d2d480f989f1f4d9f62e1646109c3ad7e1a589ee48fb73f43f721afb1c6dc82a"),
            (16, 20, 290_301, "811e547e59e91c86a589a3d4c641a41b0646731ac775658bf68b17ef879197ef"),
        ])
    func squares(width: Int, height: Int, sum: Int, digest: String) {
        let square = PillowResampling.resize(generatedPicture(width: width, height: height), toSide: 28)
        #expect(square.pixels.reduce(0) { $0 + Int($1) } == sum)
        #expect(SHA256.hexadecimal(of: square.pixels) == digest)
    }

    // Digests of Pillow 13.0.0; on either side of where it begins to resize the columns first.
    @Test(
        "The pass that comes first is Pillow's",
        arguments: [
            (50, 80, 20, "columns-last"), (50, 81, 20, "columns-first"), (128, 285, 7, "columns-first"),
        ])
    func passOrder(width: Int, height: Int, side: Int, name: String) throws {
        let expected = [
            "50x80": "42c585f3c62511f49b7e3b2c342309d95ed25592b9a141c111440d8d5b60d0d7",
            "50x81": "7ea7d6e877255e3770f543f4bdc072d7f8ad346e893fc9e822ca376897137c27",
            "128x285": "3a5c22d13b6d8d6cb35fa6c5bf57a5989f837cd1ef1d90df2338bfdc40de66f6",
        ]
        let square = PillowResampling.resize(generatedPicture(width: width, height: height), toSide: side)
        #expect(SHA256.hexadecimal(of: square.pixels) == expected["\(width)x\(height)"], "\(name)")
    }

    @Test("A picture of the right size is not changed")
    func sameSize() {
        let picture = generatedPicture(width: 28, height: 28)
        #expect(PillowResampling.resize(picture, toSide: 28) == picture)
    }
}

@Suite("Pictures are written losslessly")
struct PNGWriterTests {
    @Test("A written picture is read back pixel by pixel")
    func roundTrip() throws {
        let picture = generatedPicture(width: 61, height: 37)
        try withTemporaryDirectory { directory in
            let path = directory + "/seen.png"
            try PNGWriter.write(picture, to: path)
            let file = try PictureReader(side: 37).read(path: path)
            #expect(file.originalWidth == 61)
            #expect(file.image == PillowResampling.resize(picture, toSide: 37))
        }
        #expect(try ImageDecoder.decode(PNGWriter.encode(picture)).image == picture)
    }

    @Test("A path that cannot be written and a full disk are reported as errors")
    func unwritable() throws {
        for path in ["/nowhere/seen.png", "/dev/full"] {
            let error = #expect(throws: ImageError.self) {
                try PNGWriter.write(generatedPicture(width: 61, height: 37), to: path)
            }
            #expect(error?.code == .unwritable)
        }
    }

    @Test("Files are named by the XXH3-128 of their contents")
    func contentHash() {
        // xxhsum -H2
        #expect(ContentHash.hexadecimal(of: []) == "99aa06d3014798d86001c324468d497f")
        #expect(ContentHash.hexadecimal(of: Array("abc".utf8)) == "06b05ab6733a618578af5f94892f3950")
    }
}

@Suite("Encoding JPEG")
struct JPEGWriterTests {
    @Test("A picture comes back with its size, and nearly with its colors", arguments: [(1, 1), (17, 3), (64, 48)])
    func roundTrip(width: Int, height: Int) throws {
        let pixels = (0..<width * height * 3).map { UInt8(40 + $0 / (width * 3) * 2 + $0 % 3 * 60) }
        let picture = RGBImage(width: width, height: height, pixels: pixels)
        let bytes = try JPEGWriter.encode(picture, quality: 95)
        #expect(Array(bytes.prefix(3)) == [0xFF, 0xD8, 0xFF])
        let decoded = try ImageDecoder.decode(bytes).image
        #expect((decoded.width, decoded.height) == (width, height))
        let differences = zip(decoded.pixels, pixels).map { abs(Int($0) - Int($1)) }
        #expect(differences.allSatisfy { $0 <= 8 })
    }

    @Test("What no JPEG can be is refused")
    func tooLong() {
        let picture = RGBImage(width: 65_501, height: 1, pixels: Array(repeating: 0, count: 65_501 * 3))
        #expect { try JPEGWriter.encode(picture) } throws: { ($0 as? ImageError)?.code == .tooLarge }
    }
}
