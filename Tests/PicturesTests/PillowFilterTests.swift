import Foundation
import Pictures
import TestSupport
import Testing

/// What Pillow makes of a picture (Tests/Fixtures/resizing/make.py).
private struct Golden: Decodable {
    let picture: String
    let width: Int
    let height: Int
    let side: Int
    let filter: Int
    let digest: String

    var image: RGBImage {
        guard picture == "steep" else { return generatedPicture(width: width, height: height) }
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<3 { pixels.append((x / 5 + y / 3 + channel) % 2 == 0 ? 0 : 255) }
            }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }
}

@Suite("Resizing equals Pillow's with each of its filters, to the bit")
struct PillowFilterTests {
    @Test("Pictures of many sizes become the recorded squares", arguments: PillowFilter.allCases)
    func goldens(filter: PillowFilter) throws {
        let url = URL(fileURLWithPath: Fixtures.path("resizing/goldens.json"))
        let all = try JSONDecoder().decode([Golden].self, from: Data(contentsOf: url))
        let own = all.filter { $0.filter == filter.rawValue }
        #expect(own.count == 20)
        for golden in own {
            let square = PillowResampling.resize(golden.image, toSide: golden.side, filter: filter)
            #expect(
                SHA256.hexadecimal(of: square.pixels) == golden.digest,
                "\(golden.picture) \(golden.width) x \(golden.height) to \(golden.side)")
        }
    }

    @Test("Where pictures are not to be resized, one of another size is refused with its size")
    func fixedSize() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("x.png")
        try PNGWriter.write(generatedPicture(width: 14, height: 14), to: path)
        #expect(
            try PictureReader(side: 14, filter: nil).read(path: path).image == generatedPicture(width: 14, height: 14))
        #expect {
            _ = try PictureReader(side: 28, filter: nil).read(path: path)
        } throws: {
            let error = $0 as? ImageError
            return error?.code == .wrongSize && error?.reason.contains("14 x 14") == true
        }
        // The option takes the place of the checkpoint's setting.
        #expect(try PictureReader(side: 28, resize: .bigVision, filter: nil).read(path: path).image.width == 28)
    }
}
