import Foundation
import PaliGemma
import Tensor
import TestSupport
import Testing

@Suite("The fingerprint of a checkpoint depends on every byte that decides answers, and on nothing else")
struct CheckpointFingerprintTests {
    private func fingerprint(_ directory: String, threads: Int = 2) throws -> String {
        try ModelFingerprint(
            of: Checkpoint(directory: directory), ModelConfiguration(directory: directory), adapters: AdapterSet(),
            precision: .exact, resize: .pillow, threads: threads
        ).encoded
    }

    @Test("A model has one fingerprint wherever its files are and with any number of threads")
    func sameModel() throws {
        let original = try fingerprint(Fixtures.path("goldens/odd"))
        let copy = try CheckpointEditor()
        for name in ["model.safetensors", "config.json"] {
            try FileManager.default.copyItem(
                atPath: Fixtures.path("goldens/odd/" + name), toPath: copy.folder.file(name))
        }
        #expect(try fingerprint(copy.directory) == original)
        #expect(try fingerprint(copy.directory, threads: 5) == original)
        // What says nothing new changes nothing.
        _ = try copy.folder.write(#"{"eos_token_id": 1, "transformers_version": "5"}"#, to: "generation_config.json")
        _ = try copy.folder.write(#"{"resample": 3, "do_convert_rgb": null}"#, to: "preprocessor_config.json")
        #expect(try fingerprint(copy.directory) == original)
    }

    @Test("One changed bit of any tensor makes another fingerprint")
    func everyTensor() throws {
        var editor = try CheckpointEditor()
        try editor.write()
        var seen: Set<String> = [try fingerprint(editor.directory)]
        for index in editor.tensors.indices {
            let place = editor.tensors[index].data.endIndex - 1
            editor.tensors[index].data[place] ^= 0x80
            try editor.write()
            #expect(seen.insert(try fingerprint(editor.directory)).inserted, "\(editor.tensors[index].name)")
            editor.tensors[index].data[place] ^= 0x80
        }
    }

    @Test("One changed bit anywhere in a file of several pieces makes another fingerprint")
    func everyPiece() throws {
        let folder = try TemporaryFolder()
        let count = 9 << 20
        let tensor = CheckpointEditor.Tensor(
            name: "language_model.model.norm.weight", type: "F32", shape: [count], data: Data(count: 4 * count))
        let path = try folder.write("", to: "model.safetensors")
        try CheckpointEditor.safetensors([tensor]).write(to: URL(fileURLWithPath: path))
        let first = try Checkpoint(directory: folder.path).fingerprint(threads: 3)
        var seen: Set<String> = [first]
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let size = try file.seekToEnd()
        for part in 1...40 {
            let place = 4096 + (size - 4097) * UInt64(part) / 40
            try file.seek(toOffset: place)
            try file.write(contentsOf: Data([1]))
            #expect(seen.insert(try Checkpoint(directory: folder.path).fingerprint(threads: 3)).inserted)
            try file.seek(toOffset: place)
            try file.write(contentsOf: Data([0]))
        }
        #expect(try Checkpoint(directory: folder.path).fingerprint(threads: 1) == first)
    }

    @Test("Every file and setting that changes answers makes another fingerprint")
    func files() throws {
        let editor = try CheckpointEditor()
        try editor.write()
        var seen: Set<String> = [try fingerprint(editor.directory)]
        for (name, text) in [
            ("generation_config.json", #"{"eos_token_id": [1, 5]}"#),
            ("generation_config.json", #"{"repetition_penalty": 1.2}"#),
            ("generation_config.json", #"{"do_sample": true}"#), ("generation_config.json", #"{"top_k": 7}"#),
            ("preprocessor_config.json", #"{"resample": 2}"#),
            ("preprocessor_config.json", #"{"image_mean": [0.4, 0.5, 0.5]}"#),
            ("preprocessor_config.json", #"{"do_normalize": false}"#),
            ("tokenizer_config.json", #"{"mask_token": "<x>"}"#),
            ("added_tokens.json", #"{"<image>": 1572}"#),
        ] {
            _ = try editor.folder.write(text, to: name)
            #expect(seen.insert(try fingerprint(editor.directory)).inserted, "\(name) \(text)")
            try FileManager.default.removeItem(atPath: editor.folder.file(name))
        }
    }
}
