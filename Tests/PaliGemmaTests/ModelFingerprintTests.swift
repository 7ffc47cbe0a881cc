import PaliGemma
import Pictures
import Tensor
import Testing

@Suite struct ModelFingerprintTests {
    @Test(
        "A fingerprint is kept as the string that queues have held it as",
        arguments: [
            ("2-0f3c", ModelFingerprint(checkpoint: "0f3c")),
            ("2-0f3c-window", ModelFingerprint(checkpoint: "0f3c", hasSlidingWindow: true)),
            ("2-0f3c-decoding-77", ModelFingerprint(checkpoint: "0f3c", decoding: "77")),
            ("2-0f3c-int8", ModelFingerprint(checkpoint: "0f3c", precision: .int8)),
            ("2-0f3c-bf16", ModelFingerprint(checkpoint: "0f3c", precision: .bf16)),
            ("2-0f3c-big_vision", ModelFingerprint(checkpoint: "0f3c", resize: .bigVision)),
            ("2-0f3c-int8-big_vision", ModelFingerprint(checkpoint: "0f3c", precision: .int8, resize: .bigVision)),
            (
                "2-0f3c-window-generation-1111-pictures-2222-adapters-9a1b-int8-big_vision_antialias",
                ModelFingerprint(
                    checkpoint: "0f3c", hasSlidingWindow: true, generation: "1111", preprocessing: "2222",
                    adapters: "9a1b", precision: .int8,
                    resize: .bigVisionAntialias)
            ),
        ])
    func encoding(text: String, fingerprint: ModelFingerprint) {
        #expect(fingerprint.encoded == text)
        #expect(ModelFingerprint(encoded: text) == fingerprint)
    }

    @Test(
        "A text that is no fingerprint is not read",
        arguments: ["", "0f3c", "2-", "2-0f3c-int4", "2-0f3c-", "2-0f3c-int8-window"])
    func notAFingerprint(text: String) {
        #expect(ModelFingerprint(encoded: text) == nil)
    }

    @Test("Two fingerprints differ in just the parts that were set to something else")
    func differences() {
        let first = ModelFingerprint(checkpoint: "a", resize: .bigVision)
        var second = first
        #expect(first.differences(from: second).isEmpty)
        second.precision = .int8
        #expect(first.differences(from: second) == [.precision])
        second.checkpoint = "b"
        second.adapters = "c"
        second.generation = "d"
        second.preprocessing = "e"
        second.decoding = "f"
        second.hasSlidingWindow = true
        second.resize = .pillow
        #expect(first.differences(from: second) == ModelFingerprint.Field.allCases)
    }

    @Test("Features are kept by the checkpoint, what becomes of pictures, and the precision alone")
    func features() {
        let fingerprint = ModelFingerprint(
            checkpoint: "a", hasSlidingWindow: true, generation: "d", preprocessing: "e", adapters: "c",
            precision: .int8, resize: .bigVision)
        #expect(fingerprint.ofFeatures.encoded == "2-a-pictures-e-int8")
    }
}
