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

    private func configuration(_ files: [String: String]) throws -> VisionConfiguration {
        let editor = try CheckpointEditor()
        try editor.write()
        for (name, text) in files { _ = try editor.folder.write(text, to: name) }
        return try ModelConfiguration(directory: editor.directory).vision
    }

    private func preprocessing(_ text: String) throws -> PicturePreprocessing {
        try configuration(["preprocessor_config.json": text]).preprocessing
    }

    @Test("Every key of preprocessor_config.json is read, and null is the default")
    func keys() throws {
        #expect(try preprocessing("{}") == PicturePreprocessing())
        #expect(
            try preprocessing(#"{"resample": null, "image_mean": null, "do_rescale": null}"#) == PicturePreprocessing())
        for filter in PillowFilter.allCases {
            #expect(try preprocessing("{\"resample\": \(filter.rawValue)}").filter == filter)
        }
        #expect(try preprocessing(#"{"do_resize": false}"#).filter == nil)
        // numpy: ((np.uint8([0, 100, 255]) * 0.01).astype(np.float32) - np.float32(0.1)) / np.float32(0.3)
        let scaled = try preprocessing(
            #"{"rescale_factor": 0.01, "image_mean": [0.1, 0.5, 0.5], "image_std": [0.3, 0.5, 0.5]}"#)
        #expect([0, 100, 255].map { scaled.table[$0].bitPattern } == [0xBEAA_AAAA, 0x403F_FFFF, 0x4102_AAAA])
        #expect(scaled.table[256 + 100] == (1 - 0.5) / 0.5)
        // Without rescaling the mean is taken from 0...255; without normalization nothing is.
        let unscaled = try preprocessing(#"{"do_rescale": false, "image_mean": 100, "image_std": 50}"#)
        #expect(unscaled.table[200] == 2 && unscaled.table[512] == -2)
        #expect(try preprocessing(#"{"do_rescale": false, "do_normalize": false}"#).table[255] == 255)
    }

    @Test("The part of processor_config.json wins over preprocessor_config.json")
    func precedence() throws {
        let other = ["preprocessor_config.json": #"{"resample": 2}"#]
        let both = other.merging(["processor_config.json": #"{"image_processor": {"resample": 1}}"#]) { $1 }
        #expect(try configuration(both).preprocessing.filter == .lanczos)
        let none = other.merging(["processor_config.json": #"{"processor_class": "PaliGemmaProcessor"}"#]) { $1 }
        #expect(try configuration(none).preprocessing.filter == .bilinear)
    }

    @Test(
        "What is not implemented, or does not fit the model, is refused by name",
        arguments: [
            (#"{"do_center_crop": true}"#, "do_center_crop"), (#"{"do_pad": true}"#, "do_pad"),
            (#"{"resample": 6}"#, "resample"), (#"{"resample": "bicubic"}"#, "resample"),
            (#"{"size": {"height": 448, "width": 448}}"#, "size"), (#"{"size": {"shortest_edge": 30}}"#, "size"),
            (#"{"size": 30}"#, "size"), (#"{"image_seq_length": 1}"#, "image_seq_length"),
            (#"{"image_mean": [0.5, 0.5]}"#, "image_mean"), (#"{"image_std": 0}"#, "image_std"),
            (#"{"rescale_factor": "a"}"#, "rescale_factor"), (#"{"do_normalize": 1}"#, "do_normalize"),
            ("[]", "no JSON object"),
        ])
    func refused(text: String, word: String) {
        #expect {
            _ = try preprocessing(text)
        } throws: {
            let error = "\($0)"
            return error.contains("preprocessor_config.json") && error.contains(word)
        }
    }
}
