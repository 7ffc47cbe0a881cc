import Foundation
import PaliGemma
import ShardPlan
import Tensor
import TestSupport
import Testing

@Suite("LoRA adapters are read as PEFT saves them", .timeLimit(.minutes(15)))
struct AdapterTests {
    /// A copy of a committed adapter whose files a test may spoil.
    private struct Editor {
        let folder: TemporaryFolder
        var configuration: [String: Any]
        var tensors: [CheckpointEditor.Tensor]

        init(_ name: String) throws {
            folder = try TemporaryFolder()
            let source = Fixtures.path("goldens/adapters/\(name)")
            let data = try Data(contentsOf: URL(fileURLWithPath: source + "/adapter_config.json"))
            configuration = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
            tensors = try CheckpointEditor.tensors(of: source + "/adapter_model.safetensors")
        }

        func load() throws(ModelError) -> Adapter {
            do {
                let data = try JSONSerialization.data(withJSONObject: configuration)
                try data.write(to: URL(fileURLWithPath: folder.file("adapter_config.json")))
                try CheckpointEditor.safetensors(tensors).write(
                    to: URL(fileURLWithPath: folder.file("adapter_model.safetensors")))
            } catch {
                Issue.record("\(error)")
            }
            return try Adapter(name: "a", directory: folder.path)
        }

        func weights(_ checkpoint: String) throws(ModelError) -> ModelWeights {
            let directory = Fixtures.path("goldens/\(checkpoint)")
            return try ModelWeights(
                checkpoint: Checkpoint(directory: directory), configuration: ModelConfiguration(directory: directory),
                adapters: AdapterSet([load()]))
        }
    }

    @Test("An adapter that is no plain LoRA is refused with the key that says so")
    func configurations() throws {
        let changes: [(word: String, change: (inout [String: Any]) -> Void)] = [
            ("DoRA", { $0["use_dora"] = true }), ("bias is all", { $0["bias"] = "all" }),
            ("peft_type is IA3", { $0["peft_type"] = "IA3" }), ("peft_type is missing", { $0["peft_type"] = nil }),
            ("modules_to_save", { $0["modules_to_save"] = ["lm_head"] }), ("lora_bias", { $0["lora_bias"] = true }),
            ("fan_in_fan_out", { $0["fan_in_fan_out"] = true }), ("use_qalora", { $0["use_qalora"] = true }),
            ("layer_replication", { $0["layer_replication"] = [[0, 1]] }),
            ("target_parameters", { $0["target_parameters"] = ["x"] }),
            ("pissa", { $0["init_lora_weights"] = "pissa" }), ("rank", { $0["r"] = 9 }),
            ("rank", { $0["rank_pattern"] = ["q_proj": 8] }),
            ("regular expression", { $0["alpha_pattern"] = ["(": 8] }),
            ("lora_ga", { $0["init_lora_weights"] = "lora_ga" }),
            ("monteclora_config", { $0["monteclora_config"] = ["a": 1] }),
            ("lora_alpha", { $0["lora_alpha"] = "eight" }),
        ]
        for (word, change) in changes {
            var editor = try Editor("odd/words")
            change(&editor.configuration)
            let error = #expect(throws: ModelError.self) { try editor.load() }
            #expect(
                error?.code == .adapter && error?.description.contains(word) == true,
                "\(word): \(error?.description ?? "")")
        }
        // What says nothing, and what a newer PEFT may add.
        var editor = try Editor("odd/words")
        editor.configuration["modules_to_save"] = [String]()
        editor.configuration["use_bdlora"] = NSNull()
        editor.configuration["a_new_key"] = 3
        editor.configuration["init_lora_weights"] = "gaussian"
        _ = try editor.weights("odd")
    }

    @Test("The first pattern of the file that matches any version's spelling of a module gives its rank and its alpha")
    func patterns() throws {
        func problem(_ patterns: String) throws -> String? {
            let editor = try Editor("second/ends")
            _ = try editor.load()
            let path = editor.folder.file("adapter_config.json")
            let text = try String(contentsOfFile: path, encoding: .utf8)
            var configuration = try #require(
                try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            configuration["rank_pattern"] = nil
            let rest = try JSONSerialization.data(withJSONObject: configuration)
            // Written by hand, because a dictionary of Foundation has no order.
            _ = try editor.folder.write(
                "{\"rank_pattern\": \(patterns), " + String(decoding: rest, as: UTF8.self).dropFirst(),
                to: "adapter_config.json")
            do {
                _ = try Adapter(name: "a", directory: editor.folder.path)
                return nil
            } catch {
                return error.reason
            }
        }
        let rank = try #require(try Editor("second/ends").configuration["r"] as? Int)
        #expect(try problem("{\".*\": \(rank), \"q_proj\": 7}") == nil)
        #expect(try problem("{\"q_proj\": 7, \".*\": \(rank)}")?.contains("the rank 7") == true)
        for spelling in [
            "^model.language_model.layers.0.self_attn.q_proj", "^language_model.model.layers.0.self_attn.q_proj",
        ] {
            #expect(try problem("{\"\(spelling)\": 7}")?.contains("the rank 7") == true, "\(spelling)")
        }
        #expect(try problem("{\"((([a-z_.0-9]+)*)*)*X\": 4}") == nil)
        #expect(try problem("{\"(?=a)\": 4}")?.contains("no regular expression that can be used") == true)
    }

    @Test(
        "A foreign tensor, an unknown module, a module without one of its matrices and a wrong shape are refused by name"
    )
    func tensors() throws {
        func refused(_ word: String, _ change: (inout Editor) throws -> Void) throws {
            var editor = try Editor("odd/all")
            try change(&editor)
            let error = #expect(throws: ModelError.self) { try editor.weights("odd") }
            #expect(
                error?.code == .adapter && error?.description.contains(word) == true,
                "\(word): \(error?.description ?? "")")
        }
        func index(_ editor: Editor, _ end: String) throws -> Int {
            try #require(editor.tensors.firstIndex { $0.name.hasSuffix(end) })
        }
        try refused("lora_magnitude_vector") { $0.tensors[0].name += ".lora_magnitude_vector" }
        try refused("cannot have an addition") { editor in
            for place in editor.tensors.indices where editor.tensors[place].name.contains("multi_modal_projector") {
                editor.tensors[place].name = editor.tensors[place].name.replacingOccurrences(
                    of: "multi_modal_projector.linear", with: "language_model.embed_tokens")
            }
        }
        try refused("no such module") { editor in
            for place in editor.tensors.indices {
                editor.tensors[place].name = editor.tensors[place].name.replacingOccurrences(
                    of: "language_model.layers.1.", with: "language_model.layers.7.")
            }
        }
        try refused("not finite") { editor in
            let place = try index(editor, "layers.0.mlp.down_proj.lora_B.weight")
            // A part of a file begins where it did there.
            let start = editor.tensors[place].data.startIndex
            editor.tensors[place].data.replaceSubrange(start + 4..<start + 8, with: [0xFF, 0xFF, 0xFF, 0xFF])
        }
        try refused("missing") { $0.tensors.remove(at: try index($0, "layers.0.mlp.down_proj.lora_B.weight")) }
        try refused("do not have the rank") { editor in
            editor.tensors[try index(editor, "layers.0.mlp.down_proj.lora_B.weight")].shape.reverse()
        }
        try refused("another model") { editor in
            // The same numbers as one row less of more columns: the rank stays.
            let place = try index(editor, "layers.0.mlp.down_proj.lora_A.weight")
            let shape = editor.tensors[place].shape
            editor.tensors[place].shape = [shape[0], shape[1] - 1]
            editor.tensors[place].data = editor.tensors[place].data.prefix(2 * shape[0] * (shape[1] - 1))
        }
        let empty = try Editor("odd/all")
        try FileManager.default.removeItem(atPath: empty.folder.path)
        #expect(throws: ModelError.self) { try Adapter(name: "a", directory: empty.folder.path) }
    }

    @Test("A name may occur once, and the fingerprint of a set is that of its contents")
    func sets() throws {
        let words = Fixtures.path("goldens/adapters/odd/words")
        let all = Fixtures.path("goldens/adapters/odd/all")
        #expect(throws: ModelError.self) { try AdapterSet(options: ["a=\(words)", "a=\(all)"]) }
        #expect(throws: ModelError.self) { try AdapterSet(options: [words]) }
        let set = try AdapterSet(options: ["b=\(words)", "a=\(all)"])
        #expect(set.names == ["a", "b"] && set.index(of: "b") == 1 && set.index(of: "c") == nil)
        #expect(set.all.map(\.changesVision) == [true, false])
        #expect(set.fingerprint?.count == 16)
        #expect(try AdapterSet(options: ["a=\(all)", "b=\(words)"]).fingerprint == set.fingerprint)
        for other in [["a=\(words)", "b=\(all)"], ["a=\(all)"], []] {
            #expect(try AdapterSet(options: other).fingerprint != set.fingerprint)
        }
        #expect(AdapterSet().fingerprint == nil)
    }

    private struct Answer: Sendable {
        let tokens: [[Int32]]
        let logProbabilities: [[Float]]
    }

    /// Sequences with the adapters in turn, prefilled together.
    private func answers(
        _ adapters: [Int?], ranks: Int, split: PrefillCut.Split = .rows, blockRows: Int = 7
    ) throws -> [Answer] {
        try InProcessGroup.run(ranks: ranks) { group in
            let goldens = try Goldens("second")
            let configuration = goldens.configuration
            let names = ["ends", "words"].map { "\($0)=" + Fixtures.path("goldens/adapters/second/\($0)") }
            let weights = try ModelWeights(
                checkpoint: Checkpoint(directory: goldens.directory), configuration: configuration,
                adapters: AdapterSet(options: names))
            let plan = try ShardPlan(ranks: ranks + 1, configuration: configuration, visionRanks: 1)
            let gemma = Gemma(
                weights: weights, configuration: configuration, slice: plan.slices[group.rank], group: group,
                team: ThreadTeam(count: 1), cut: PrefillCut(split: split, blockRows: blockRows, minimumRows: 1))
            let sequences = adapters.enumerated().map { index, adapter in
                Sequence(
                    id: UInt64(index), textTokens: (0..<9).map { Int32($0 * 31 % 400) + 5 }, pictures: 1,
                    tokensPerPicture: configuration.vision.tokens, maxTokens: 6, adapter: adapter)
            }
            let features = Matrix(rows: configuration.vision.tokens, columns: configuration.vision.width)
            for (place, value) in try goldens.floats("features").prefix(features.view.rows * features.view.columns)
                .enumerated()
            { features.view.row(place / features.view.columns)[place % features.view.columns] = value }
            try gemma.prefill(
                sequences,
                features: ReadyFeatures(all: features.view, tokensPerPicture: configuration.vision.tokens))
            try gemma.decode(sequences, steps: 6)
            return Answer(tokens: sequences.map(\.tokens), logProbabilities: sequences.map(\.logProbabilities))
        }
    }

    private func isNear(_ one: Answer, _ other: Answer) -> Bool {
        one.tokens == other.tokens
            && zip(one.logProbabilities.joined(), other.logProbabilities.joined()).allSatisfy { abs($0 - $1) < 3e-4 }
    }

    @Test("Any number of ranks and row blocks, both splits and any batch give a sequence the same answer")
    func ranks() throws {
        let mixture: [Int?] = [1, nil, 0, 1, nil, 0, 0]
        let one = try answers(mixture, ranks: 1)[0]
        #expect(Set(one.tokens).count == 3)
        for (place, adapter) in mixture.enumerated() {
            let alone = try answers([adapter], ranks: 1)[0]
            #expect(isNear(alone, Answer(tokens: [one.tokens[place]], logProbabilities: [one.logProbabilities[place]])))
        }
        for ranks in 2...8 {
            for split in PrefillCut.Split.allCases {
                for other in try answers(mixture, ranks: ranks, split: split, blockRows: ranks * 3) {
                    #expect(isNear(other, one), "\(ranks) ranks by \(split)")
                }
            }
        }
    }
}
