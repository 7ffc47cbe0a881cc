import Base
import Foundation
import Measure
import PaliGemma
import Tensor
import TestSupport
import Testing

@Suite("A checkpoint is read in every public layout, and refused with a reason where it is none")
struct CheckpointTests {
    /// Loads as the programs do; the error's text where it is refused.
    private func load(_ directory: String) throws(ModelError) -> ModelWeights {
        let configuration = try ModelConfiguration(directory: directory)
        return try ModelWeights(checkpoint: Checkpoint(directory: directory), configuration: configuration)
    }

    private func expectRefusal(
        _ editor: CheckpointEditor, _ code: ModelError.Code, naming words: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        do {
            _ = try load(editor.directory)
            Issue.record("it was accepted", sourceLocation: sourceLocation)
        } catch {
            #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
            for word in words {
                #expect(error.description.contains(word), "\(error)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test("All layouts of tensor names are read", arguments: ["old", "vision_model", "memory", "wrapped"])
    func layouts(layout: String) throws {
        var editor = try CheckpointEditor()
        editor.rename { name in
            switch layout {
            case "vision_model":
                return name.replacingOccurrences(of: "vision_tower.", with: "vision_tower.vision_model.")
            case "memory":
                return name.hasPrefix("language_model.model.")
                    ? "model.language_model." + name.dropFirst("language_model.model.".count) : "model." + name
            case "wrapped": return "paligemma_with_expert.paligemma.model." + name
            default: return name
            }
        }
        try editor.write()
        _ = try load(editor.directory)
    }

    @Test("Several files with an index are read like one file, and must agree with the index")
    func shards() throws {
        var editor = try CheckpointEditor()
        try editor.write(files: 3)
        _ = try load(editor.directory)
        try FileManager.default.removeItem(atPath: editor.folder.file("model-2-of-3.safetensors"))
        expectRefusal(editor, .container, naming: "model-2-of-3.safetensors")

        editor.tensors.removeLast()
        let last = try CheckpointEditor.safetensors(editor.tensors.filter { _ in false } + [editor.tensors[1]])
        try last.write(to: URL(fileURLWithPath: editor.folder.file("model-2-of-3.safetensors")))
        expectRefusal(editor, .container, naming: "index")
    }

    @Test("A stored output head is used, and without one the embedding is")
    func head() throws {
        var editor = try CheckpointEditor()
        let embedding = try #require(editor.tensors.first { $0.name.hasSuffix("embed_tokens.weight") })
        editor.tensors.append(
            CheckpointEditor.Tensor(
                name: "lm_head.weight", type: embedding.type, shape: embedding.shape, data: embedding.data))
        try editor.write()
        _ = try load(editor.directory)
        editor.tensors[editor.tensors.count - 1].shape = [embedding.shape[1], embedding.shape[0]]
        try editor.write()
        expectRefusal(editor, .tensor, naming: "lm_head.weight", "shape")
    }

    @Test("A missing, misshaped, unknown or doubled tensor is refused by name")
    func tensors() throws {
        var missing = try CheckpointEditor()
        missing.tensors.removeAll { $0.name.hasSuffix("layers.1.mlp.up_proj.weight") }
        try missing.write()
        expectRefusal(missing, .tensor, naming: "layers.1.mlp.up_proj.weight", "missing")

        var misshaped = try CheckpointEditor()
        let index = try #require(misshaped.tensors.firstIndex { $0.name.hasSuffix("layers.0.self_attn.o_proj.weight") })
        misshaped.tensors[index].shape.reverse()
        try misshaped.write()
        expectRefusal(misshaped, .tensor, naming: "o_proj.weight", "[50, 40]", "[40, 50]")

        for (name, word) in [("something.else", "unknown"), ("language_model.model.layers.9.x", "no place")] {
            var unknown = try CheckpointEditor()
            unknown.tensors.append(CheckpointEditor.Tensor(name: name, type: "F32", shape: [1], data: Data(count: 4)))
            try unknown.write()
            expectRefusal(unknown, .tensor, naming: name, word)
        }

        var doubled = try CheckpointEditor()
        var twin = doubled.tensors[3]
        twin.name = "model." + twin.name
        doubled.tensors.append(twin)
        try doubled.write()
        expectRefusal(doubled, .tensor, naming: "twice")
    }

    @Test("A configuration of another model, or with values that are not implemented, is refused")
    func configurations() throws {
        let changes: [(String, (inout CheckpointEditor) -> Void)] = [
            ("llava", { $0.configuration["model_type"] = "llava" }),
            ("gemma3_text", { $0[text: "model_type"] = "gemma3_text" }),
            ("attention_bias", { $0[text: "attention_bias"] = true }),
            ("relu", { $0[text: "hidden_activation"] = "relu" }),
            ("linear", { $0[text: "rope_parameters"] = ["rope_type": "linear", "rope_theta": 10000.0] }),
            ("quantization_config", { $0.configuration["quantization_config"] = ["bits": 4] }),
            ("num_attention_heads", { $0[text: "num_attention_heads"] = 0 }),
            ("key/value heads", { $0[text: "num_key_value_heads"] = 2 }),
            ("head_dim", { $0[text: "head_dim"] = 11 }),
            ("num_channels", { $0[vision: "num_channels"] = 1 }),
            ("image_size", { $0[vision: "image_size"] = 7 }),
            ("hidden_size", { $0[vision: "hidden_size"] = "thirty" }),
            ("eos_token_id", { $0.configuration["eos_token_id"] = [1, 1_000_000] }),
            ("eos_token_id", { $0.configuration["eos_token_id"] = [Int]() }),
            ("image_token_index", { $0.configuration["image_token_index"] = 1 << 40 }),
            ("image_token_index", { $0.configuration["image_token_index"] = -1 }),
            ("num_hidden_layers", { $0[text: "num_hidden_layers"] = 1 << 40 }),
            ("MLX", { $0.configuration["quantization"] = ["group_size": 64, "bits": 4] }),
            ("bitsandbytes", { $0.configuration["quantization_config"] = ["quant_method": "bitsandbytes"] }),
            ("GPTQ to 4 bits", { $0.configuration["quantization_config"] = ["quant_method": "gptq", "bits": 4] }),
            ("AWQ", { $0.configuration["quantization_config"] = ["quant_method": "awq"] }),
            ("fp8", { $0.configuration["quantization_config"] = ["quant_method": "fp8"] }),
            ("layer_norm_eps", { $0[vision: "layer_norm_eps"] = -1 }),
        ]
        let gemma2: [(String, (inout CheckpointEditor) -> Void)] = [
            ("layer_types", { $0[text: "layer_types"] = ["full_attention"] }),
            (
                "chunked_attention",
                { $0[text: "layer_types"] = [String](repeating: "chunked_attention", count: 4) }
            ),
            ("query_pre_attn_scalar", { $0[text: "query_pre_attn_scalar"] = 0 }),
            ("attn_logit_softcapping", { $0[text: "attn_logit_softcapping"] = -50 }),
            ("final_logit_softcapping", { $0[text: "final_logit_softcapping"] = "thirty" }),
            ("sliding_window", { $0[text: "sliding_window"] = 0 }),
            ("num_hidden_layers", { $0[text: "num_hidden_layers"] = 1 << 40 }),
        ]
        for (checkpoint, changes) in [("odd", changes), ("second", gemma2)] {
            for (word, change) in changes {
                var editor = try CheckpointEditor(checkpoint)
                change(&editor)
                try editor.write()
                expectRefusal(editor, .configuration, naming: "config.json", word)
            }
        }
        let broken = try CheckpointEditor()
        try broken.write()
        _ = try broken.folder.write("{\"model_type\": ", to: "config.json")
        expectRefusal(broken, .configuration, naming: "JSON")
        try FileManager.default.removeItem(atPath: broken.folder.file("config.json"))
        expectRefusal(broken, .configuration, naming: "config.json")
    }

    @Test("Keys that a file leaves out have the public defaults")
    func defaults() throws {
        var editor = try CheckpointEditor()
        for key in ["rope_parameters", "rms_norm_eps", "max_position_embeddings", "hidden_act", "hidden_activation"] {
            editor[text: key] = nil
        }
        for key in ["layer_norm_eps", "num_channels", "hidden_act"] { editor[vision: key] = nil }
        for key in ["bos_token_id", "eos_token_id", "pad_token_id"] { editor.configuration[key] = nil }
        try editor.write()
        let configuration = try ModelConfiguration(directory: editor.directory)
        #expect(try configuration == ModelConfiguration(directory: Fixtures.path("goldens/odd")))
    }

    @Test("In Gemma 2, keys that a file leaves out have the public defaults, and null disables a cap or the window")
    func gemma2Defaults() throws {
        var editor = try CheckpointEditor("second")
        for key in [
            "rope_parameters", "rms_norm_eps", "hidden_activation", "layer_types", "attn_logit_softcapping",
            "final_logit_softcapping",
        ] { editor[text: key] = nil }
        try editor.writeConfiguration()
        let stored = try ModelConfiguration(directory: Fixtures.path("goldens/second"), slidingWindow: true)
        #expect(try ModelConfiguration(directory: editor.directory, slidingWindow: true) == stored)
        #expect(stored.text.window == .init(positions: 12, layers: [0, 2]))
        #expect(try ModelConfiguration(directory: editor.directory).text.window == nil)

        for key in ["attn_logit_softcapping", "final_logit_softcapping", "sliding_window"] {
            editor[text: key] = NSNull()
        }
        try editor.writeConfiguration()
        let text = try ModelConfiguration(directory: editor.directory, slidingWindow: true).text
        #expect(text.attentionSoftCap == nil && text.finalSoftCap == nil && text.window == nil)

        // All that the smallest of the public models needs to say; its larger siblings add their dimensions.
        editor.configuration["text_config"] = ["model_type": "gemma2", "vocab_size": 257_216]
        try editor.writeConfiguration()
        #expect(
            try ModelConfiguration(directory: editor.directory).text
                == RandomModel(shape: "pg2-3b-224").configuration.text)
    }

    @Test("A truncated or forged container is refused before a tensor is read from it")
    func containers() throws {
        let editor = try CheckpointEditor()
        try editor.write()
        let whole = try Data(contentsOf: URL(fileURLWithPath: editor.modelPath))
        func refuse(_ data: Data, _ words: String...) throws {
            try data.write(to: URL(fileURLWithPath: editor.modelPath))
            do {
                _ = try load(editor.directory)
                Issue.record("it was accepted")
            } catch {
                #expect(error.code == .container && words.allSatisfy(error.description.contains), "\(error)")
            }
        }
        for length in [0, 1, 7, 8, 100, whole.count / 2, whole.count - 1] { try refuse(whole.prefix(length)) }
        try refuse(whole + Data([0]), "behind its last tensor")
        var huge = whole
        huge.replaceSubrange(0..<8, with: Data(repeating: 0xFF, count: 8))
        try refuse(huge, "header")

        func header(_ text: String, _ data: Int) -> Data {
            CheckpointEditor.file(header: Data(text.utf8), data: Data(count: data))
        }
        try refuse(header("{\"a\": 1}", 0))
        try refuse(header("not json", 0), "JSON")
        try refuse(header(#"{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}"#, 4), "I8")
        try refuse(header(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, 8), "8")
        try refuse(header(#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4), "negative")
        try refuse(
            header(#"{"a":{"dtype":"F32","shape":[4611686018427387904,16],"data_offsets":[0,4]}}"#, 4), "no memory")
        try refuse(
            header(
                #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#,
                6), "overlaps")
        try refuse(
            header(
                #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#,
                12), "hole")
    }

    @Test("A list of end tokens in config.json is taken, the top level's before the language model's")
    func endTokens() throws {
        var editor = try CheckpointEditor()
        editor[text: "eos_token_id"] = [1, 107]
        editor.configuration["eos_token_id"] = nil
        try editor.write()
        #expect(try ModelConfiguration(directory: editor.directory).endTokens == [1, 107])
        editor.configuration["eos_token_id"] = 1
        try editor.write()
        #expect(try ModelConfiguration(directory: editor.directory).endTokens == [1])
    }
}
