import Base
import Foundation
import PaliGemma
import Tensor
import TestSupport
import Testing

/// A text and its ids, or ids and their text, by transformers (Tests/Fixtures/tokenizer/make.py).
private struct Vector: Decodable {
    let text: String?
    let ids: [Int32]
    let decoded: String?

    static func all() throws -> [Vector] {
        let url = URL(fileURLWithPath: Fixtures.path("tokenizer/vectors.json"))
        return try JSONDecoder().decode([Vector].self, from: Data(contentsOf: url))
    }
}

/// The configuration of a model with the fixture's 1572 pieces.
func fixtureConfiguration(
    imageToken: Int = 1572, imageSize: Int = 56, context: Int = 8192
) -> ModelConfiguration {
    ModelConfiguration(
        vision: VisionConfiguration(width: 8, mlpWidth: 8, layers: 1, heads: 1, patch: 14, imageSize: imageSize),
        text: TextConfiguration(
            width: 8, mlpWidth: 8, layers: 1, heads: 1, keyValueHeads: 1, headWidth: 8, vocabulary: 1600,
            context: context),
        imageToken: imageToken)
}

@Suite("Text is tokenized as transformers tokenizes it")
struct TokenizerTests {
    static let forms = ["model", "json"]

    private func tokenizer(_ form: String) throws -> Tokenizer {
        try Tokenizer(directory: Fixtures.path("tokenizer/" + form), configuration: fixtureConfiguration())
    }

    @Test("Ids and texts equal the recorded ones", arguments: forms)
    func vectors(form: String) throws {
        let tokenizer = try tokenizer(form)
        #expect(tokenizer.pieceCount == 1572)
        let vectors = try Vector.all()
        #expect(vectors.count > 400)
        for vector in vectors {
            if let text = vector.text { #expect(tokenizer.encode(text) == vector.ids, "\(text.debugDescription)") }
            if let decoded = vector.decoded {
                #expect(Array(tokenizer.decode(vector.ids).utf8) == Array(decoded.utf8), "\(vector.ids)")
            }
        }
    }

    @Test("What is encoded is decoded to the same bytes", arguments: forms)
    func roundTrip(form: String) throws {
        let tokenizer = try tokenizer(form)
        let texts = [
            "", " ", "   leading and trailing  ", "\n\n\t", "e\u{301} is not é", "Å and \u{212B}", "日本 😀 👩‍👩‍👧",
            "\0\u{7F}\u{10FFFF}", "<loc0001><seg127> cat", String(repeating: "a cat ", count: 2000),
        ]
        for text in texts {
            #expect(
                Array(tokenizer.decode(tokenizer.encode(text)).utf8) == Array(text.utf8), "\(text.debugDescription)")
        }
    }

    @Test("Location tokens are read from a text, framing tokens are not", arguments: forms)
    func specials(form: String) throws {
        let tokenizer = try tokenizer(form)
        #expect(tokenizer.encode("<loc0000><loc1023><seg000><seg127>") == [420, 1443, 1444, 1571])
        for text in ["<bos>", "<eos>", "<pad>", "<unk>", "<image>"] {
            let ids = tokenizer.encode(text)
            #expect(ids.count > 1)
            #expect(ids.allSatisfy { !tokenizer.isSilent($0) })
            #expect(tokenizer.decode(ids) == text)
        }
        #expect(tokenizer.decode([2, 420, 1, 0, 3, 1572, 9999, -1]) == "<loc0000>")
    }

    @Test("Bytes that are no UTF-8 become one replacement character each", arguments: forms)
    func invalidBytes(form: String) throws {
        let tokenizer = try tokenizer(form)
        let byte = try #require((0..<Int32(300)).first { tokenizer.piece($0) == "<0x00>" })
        #expect(tokenizer.decode([byte + 0xC3, byte + 0xA4]) == "ä")
        #expect(tokenizer.decode([byte + 0xC3, 1, byte + 0xA4]) == "ä")
        #expect(tokenizer.decode([byte + 0xE4, byte + 0xB8]) == "\u{FFFD}\u{FFFD}")
        #expect(tokenizer.decode([byte + 0x41, byte + 0xFF]) == "\u{FFFD}\u{FFFD}")
    }
}

@Suite("A tokenizer that does not fit its model is refused")
struct TokenizerRefusalTests {
    private func reason(_ directory: String, _ configuration: ModelConfiguration = fixtureConfiguration()) -> String? {
        do throws(ModelError) {
            _ = try Tokenizer(directory: directory, configuration: configuration)
            return nil
        } catch {
            #expect(error.code == .tokenizer)
            return error.description
        }
    }

    @Test("A directory without a tokenizer, and files that are none, are named")
    func broken() throws {
        try withTemporaryDirectory { directory in
            #expect(reason(directory)?.contains("neither tokenizer.model nor tokenizer.json") == true)
            func write(_ text: String, _ name: String) throws {
                try text.write(toFile: directory + "/" + name, atomically: true, encoding: .utf8)
            }
            try write("{\"model\": ", "tokenizer.json")
            #expect(reason(directory)?.contains("not valid JSON at byte") == true)
            try write("{\"model\": {\"type\": \"Unigram\", \"vocab\": []}}", "tokenizer.json")
            #expect(reason(directory)?.contains("no vocabulary") == true)
            try write("{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}}}", "tokenizer.json")
            #expect(reason(directory)?.contains("byte-pair") == true)
            try write("no model", "tokenizer.model")
            #expect(reason(directory)?.contains("tokenizer.model") == true)
        }
    }

    @Test("A tokenizer.model that is cut off anywhere is refused")
    func truncated() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("tokenizer/model/tokenizer.model")))
        try withTemporaryDirectory { directory in
            for length in stride(from: 0, to: whole.count, by: 1471) {
                try whole.prefix(length).write(to: URL(fileURLWithPath: directory + "/tokenizer.model"))
                #expect(reason(directory) != nil, "cut at \(length)")
            }
        }
    }

    @Test("Another model's ids are refused")
    func otherModel() {
        let directory = Fixtures.path("tokenizer/model")
        var configuration = fixtureConfiguration()
        configuration.endToken = 107
        #expect(reason(directory, configuration)?.contains("end-of-text") == true)
        #expect(reason(directory, fixtureConfiguration(imageToken: 600))?.contains("image token") == true)
        #expect(reason(directory, fixtureConfiguration(imageToken: 1572 + 1152)) == nil)
    }

    @Test("A base vocabulary takes its location tokens from the checkpoint's added tokens, and is refused without them")
    func addedTokens() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("tokenizer/model/tokenizer.model")))
        try withTemporaryDirectory { directory in
            let base = withoutLocationTokens([UInt8](whole))
            try Data(base).write(to: URL(fileURLWithPath: directory + "/tokenizer.model"))
            #expect(reason(directory)?.contains("lacks 1152") == true)

            let added = Tokenizer.locationTokens.enumerated().map { "\"\($1)\": \(420 + $0)" }.joined(separator: ",")
            try "{\(added), \"<image>\": 1572}".write(
                toFile: directory + "/added_tokens.json", atomically: true, encoding: .utf8)
            let tokenizer = try Tokenizer(directory: directory, configuration: fixtureConfiguration())
            let whole = try Tokenizer(
                directory: Fixtures.path("tokenizer/model"), configuration: fixtureConfiguration())
            let text = "detect cat ; <loc0007><loc1000> <seg001>\n"
            #expect(tokenizer.encode(text) == whole.encode(text))
            #expect(tokenizer.pieceCount == 1572)
        }
    }

    /// A serialized ModelProto without those of its pieces (field 1) that are location tokens.
    private func withoutLocationTokens(_ proto: [UInt8]) -> [UInt8] {
        var position = 0
        func varint() -> Int {
            var value = 0
            var shift = 0
            repeat {
                value |= Int(proto[position] & 0x7F) << shift
                shift += 7
                position += 1
            } while proto[position - 1] & 0x80 != 0
            return value
        }
        var kept: [UInt8] = []
        while position < proto.count {
            let start = position
            let field = varint() >> 3
            let message = varint()
            let text = String(decoding: proto[position..<position + message], as: UTF8.self)
            position += message
            if field != 1 || !text.contains("<loc") && !text.contains("<seg") { kept += proto[start..<position] }
        }
        return kept
    }
}
