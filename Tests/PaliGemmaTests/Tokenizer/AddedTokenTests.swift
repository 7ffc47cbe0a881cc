import Foundation
import PaliGemma
import Tensor
import TestSupport
import Testing

@Suite("Tokens that are added behind <image> are read as transformers reads them")
struct AddedTokenTests {
    /// Tests/Fixtures/tokenizer/added.py.
    private struct Golden: Decodable {
        struct Added: Codable {
            let id: Int
            let content: String
            let special: Bool
        }
        struct Vector: Decodable {
            let text: String?
            let ids: [Int32]
            let decoded: String?
        }
        let added: [Added]
        let vectors: [Vector]

        static func read() throws -> Golden {
            let url = URL(fileURLWithPath: Fixtures.path("tokenizer/added.json"))
            return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
        }
    }

    /// Makes a model directory that has the added tokens in one of its files.
    private func withTokenizer(_ form: String, _ body: (String, Golden) throws -> Void) throws {
        let golden = try Golden.read()
        try withTemporaryDirectory { directory in
            func write(_ object: Any, _ name: String) throws {
                try JSONSerialization.data(withJSONObject: object).write(
                    to: URL(fileURLWithPath: directory + "/" + name))
            }
            let tokens = golden.added.map {
                ["id": $0.id, "content": $0.content, "special": $0.special] as [String: Any]
            }
            let image = ["id": 1572, "content": "<image>", "special": true] as [String: Any]
            let manager = FileManager.default
            if form != "tokenizer.json" {
                try manager.copyItem(
                    atPath: Fixtures.path("tokenizer/model/tokenizer.model"), toPath: directory + "/tokenizer.model")
            }
            switch form {
            case "tokenizer_config.json":
                let all = (tokens + [image]).map { ("\($0["id"] ?? "")", $0) }
                try write(["added_tokens_decoder": Dictionary(uniqueKeysWithValues: all)], form)
            case "added_tokens.json":
                let all = golden.added.map { ($0.content, $0.id) }
                // A dictionary of Foundation would take two normal forms of one name for the same key.
                let members = (all + [("<image>", 1572)]).map { "\"\($0)\": \($1)" }
                try "{\(members.joined(separator: ", "))}".write(
                    toFile: directory + "/" + form, atomically: true, encoding: .utf8)
                try write(["additional_special_tokens": ["<sep>"]], "tokenizer_config.json")
            default:
                let path = Fixtures.path("tokenizer/json/tokenizer.json")
                var text = try String(contentsOfFile: path, encoding: .utf8)
                let list = try JSONSerialization.data(withJSONObject: tokens)
                let place = try #require(text.range(of: "\"added_tokens\":["))
                let entries = String(decoding: list, as: UTF8.self).dropFirst().dropLast()
                text.insert(contentsOf: entries + ",", at: place.upperBound)
                try text.write(toFile: directory + "/tokenizer.json", atomically: true, encoding: .utf8)
            }
            try body(directory, golden)
        }
    }

    static let forms = ["tokenizer_config.json", "added_tokens.json", "model and tokenizer.json", "tokenizer.json"]

    @Test("Prompts and answers with added tokens equal the recorded ones", arguments: forms)
    func vectors(form: String) throws {
        try withTokenizer(form) { directory, golden in
            let tokenizer = try Tokenizer(directory: directory, configuration: fixtureConfiguration())
            #expect(tokenizer.pieceCount == 1573 + golden.added.count)
            #expect(golden.vectors.count > 100)
            for vector in golden.vectors {
                if let text = vector.text { #expect(tokenizer.encode(text) == vector.ids, "\(text.debugDescription)") }
                if let decoded = vector.decoded {
                    #expect(Array(tokenizer.decode(vector.ids).utf8) == Array(decoded.utf8), "\(vector.ids)")
                }
            }
            // Typed by a user it is not the image token.
            #expect(!tokenizer.encode("<image>").contains(1572))
        }
    }

    @Test("A token with an id behind the model's rows, and one that strips its neighbors, are refused by name")
    func refused() throws {
        for (entry, word) in [
            (#"{"content": "<far>", "special": false}"#, "<far>"),
            (#"{"content": "<strip>", "special": false, "lstrip": true}"#, "lstrip"),
        ] {
            try withTemporaryDirectory { directory in
                try FileManager.default.copyItem(
                    atPath: Fixtures.path("tokenizer/model/tokenizer.model"), toPath: directory + "/tokenizer.model")
                let id = word == "<far>" ? 9_000_000 : 1573
                try "{\"added_tokens_decoder\": {\"\(id)\": \(entry)}}".write(
                    toFile: directory + "/tokenizer_config.json", atomically: true, encoding: .utf8)
                #expect {
                    _ = try Tokenizer(directory: directory, configuration: fixtureConfiguration())
                } throws: { "\($0)".contains(word) }
            }
        }
    }

    @Test("A piece that tokenizer.json names otherwise has the name of tokenizer.json, as in transformers")
    func renamed() throws {
        try withTemporaryDirectory { directory in
            try FileManager.default.copyItem(
                atPath: Fixtures.path("tokenizer/model/tokenizer.model"), toPath: directory + "/tokenizer.model")
            let path = Fixtures.path("tokenizer/json/tokenizer.json")
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let renamed = text.replacingOccurrences(of: "<seg127>", with: "<mine>")
            try renamed.write(toFile: directory + "/tokenizer.json", atomically: true, encoding: .utf8)
            #expect {
                _ = try Tokenizer(directory: directory, configuration: fixtureConfiguration())
            } throws: { "\($0)".contains("lacks 1 of") }
        }
    }
}
