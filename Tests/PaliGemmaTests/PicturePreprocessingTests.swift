import Foundation
import PaliGemma
import Pictures
import TestSupport
import Testing

@Suite("Pictures become numbers as the checkpoint's processor makes them")
struct PicturePreprocessingTests {
    @Test("Samples are normalized as by the processor of transformers")
    func normalization() {
        // numpy: ((x * np.float64(1 / 255)).astype(np.float32) - np.float32(.5)) / np.float32(.5)
        let all = PicturePreprocessing().table
        let table = Array(all[..<256])
        #expect(all == table + table + table)
        #expect(table[0] == -1)
        #expect(table[1].bitPattern == 0xBF7D_FDFE)
        #expect(table[127].bitPattern == 0xBB80_8080)
        #expect(table[128].bitPattern == 0x3B80_8100)
        #expect(table[254].bitPattern == 0x3F7D_FDFE)
        #expect(table[255] == 1)
        let bytes = table.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
        #expect(SHA256.hexadecimal(of: bytes) == "d15e8ce72284446496a6de66e8a4795818530b44cd2c3dd415077364535c3c1a")
    }

    @Test("The original code's -1 + 2 (x / 255) in float32 gives the same numbers as the processor of transformers")
    func original() {
        let original = (0...255).map { (sample: Int) -> Float in -1 + 2 * (Float(sample) / 255) }
        #expect(Array(PicturePreprocessing().table[..<256]) == original)
    }
}
