import Base
import Testing

@Suite("JSON") struct JSONTests {
    @Test("Values of every kind are parsed") func valueKinds() throws {
        let value = try JSON(parsing: #" {"a": [1, -2.5e3, true, false, null], "b": {"c": "x"}, "": []} "#)
        let array = [JSON.number("1"), .number("-2.5e3"), .bool(true), .bool(false), .null]
        #expect(value["a"] == .array(array))
        #expect(value["b"] == .object([JSON.Member(key: "c", value: .string("x"))]))
        #expect(value.object?.map(\.key) == ["a", "b", ""])
    }

    @Test("Escapes are parsed") func escapesAreRead() throws {
        let text = #""\" \\ \/ \b\f\n\r\t \u00e9 \uD83D\uDFE5 \u0000 ü""#
        #expect(try JSON(parsing: text).string == "\" \\ / \u{8}\u{c}\n\r\t é 🟥 \0 ü")
    }

    @Test(
        "What is not JSON is refused",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "[1 2]", "nul", "01", "1.", "+1", "-", "1e", "\"", "\"\\x\"",
            "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "{} {}", "{\"a\":1,\"a\":2}",
            "'a'", "\u{FEFF}{}", String(repeating: "[", count: 100_000),
        ])
    func whatIsNotJSONIsRefused(text: String) {
        #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: text) }
    }

    @Test("Bytes that are not UTF-8 are refused") func notUTF8() {
        let bytes: [UInt8] = [0x22, 0xC3, 0x28, 0x22]
        #expect(throws: JSON.SyntaxError.self) { try bytes.withUnsafeBufferPointer { try JSON(parsing: $0) } }
    }

    @Test("Any change of a single byte is parsed or refused and never crashes")
    func byteChanges() {
        let line = Array(#"{"id": "a\u00e9", "images": ["x.png"], "prompt": "caption", "max_tokens": 32}"#.utf8)
        for index in line.indices {
            for byte in 0...UInt8.max {
                var changed = line
                changed[index] = byte
                _ = changed.withUnsafeBufferPointer { try? JSON(parsing: $0) }
            }
        }
        for length in line.indices {
            #expect(throws: JSON.SyntaxError.self) {
                try line[..<length].withUnsafeBufferPointer { try JSON(parsing: $0) }
            }
        }
    }

    @Test("What is written is parsed to the same value") func roundTrip() throws {
        let text = String(String.UnicodeScalarView((0...0x2FF).compactMap { Unicode.Scalar($0) })) + "🟥\u{2028}"
        var writer = JSONWriter()
        writer.string(text)
        #expect(try JSON(parsing: String(decoding: writer.bytes, as: UTF8.self)).string == text)
        #expect(!writer.bytes.contains { $0 < 0x20 })
    }

    @Test("Numbers, booleans and text are read as values")
    func values() throws {
        let json = try JSON(
            parsing: #" {"a": [1, -2.5e1, true, false, null], "b": {"c": "x\n\"\\\u00e9\ud83d\ude00/\/"}} "#)
        let elements = try #require(json["a"]?.array)
        #expect(elements.count == 5)
        #expect(elements[0].integer == 1)
        #expect(elements[1].number == -25 && elements[1].integer == nil)
        #expect(elements[2].bool == true)
        #expect(elements[3].bool == false && elements[4].bool == nil)
        #expect(json["b"]?["c"]?.string == "x\n\"\\é😀//")
        #expect(json["absent"] == nil)
    }

    @Test(
        "What is not JSON is refused with the offset of its error",
        arguments: [
            ("", 0), ("{", 1), ("[1,]", 3), ("{\"a\" 1}", 5), ("[1] x", 4), ("\"abc", 4), ("\"\\q\"", 3),
            ("\"\\ud800\"", 7), ("nul", 0), ("[01x]", 3),
        ])
    func offsets(text: String, offset: Int) {
        let error = #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: text) }
        #expect(error?.offset == offset)
    }

    @Test("Nesting that is too deep is refused")
    func nesting() {
        #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: [UInt8](repeating: 0x5B, count: 1_000_000)) }
    }

    @Test("Keys that differ only in their bytes stay apart")
    func canonicalEquivalents() throws {
        let json = try JSON(parsing: "{\"\u{C5}\": 0, \"A\u{30A}\": 1, \"\\u212b\": 2}")
        let keys = json.object?.map { Array($0.key.utf8) }
        #expect(keys == [[0xC3, 0x85], [0x41, 0xCC, 0x8A], [0xE2, 0x84, 0xAB]])
    }

    @Test("A key that stands twice is refused in objects of any size", arguments: [1, 15, 16, 17, 1000])
    func duplicateKeys(count: Int) throws {
        let members = (0..<count).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        #expect(try JSON(parsing: "{\(members)}").object?.count == count)
        for twice in Set([0, count - 1]) {
            #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: "{\(members),\"k\(twice)\":0}") }
        }
    }

    @Test("Where duplicate keys are kept, all members stay in their order and the first is found")
    func keptDuplicateKeys() throws {
        let json = try JSON(parsing: #"{"a": 1, "b": 2, "a": 3}"#, duplicateKeys: .kept)
        #expect(json.object?.map(\.key) == ["a", "b", "a"])
        #expect(json["a"]?.integer == 1)
    }

    @Test("Keys and texts that differ in normalization only are different")
    func exactTexts() throws {
        let value = try JSON(parsing: #"{"caf\u00e9": 1, "cafe\u0301": 2}"#)
        #expect(value["caf\u{E9}"] == .number("1") && value["cafe\u{301}"] == .number("2"))
        #expect(JSON.string("caf\u{E9}") != JSON.string("cafe\u{301}"))
        #expect(JSON.Member(key: "\u{212A}", value: .null) != JSON.Member(key: "K", value: .null))
        #expect(value["\u{212A}"] == nil)
    }

    @Test("One member of an object is read without the others")
    func oneMember() throws {
        func member(_ key: String, of text: String) throws -> JSON? { try JSON(member: key, of: Array(text.utf8)) }
        let text = #" {"a": {"b": [1, "}\"]", {}]}, "c" : "\\", "b": [true, {"x": 1}], "d": 5} "#
        #expect(try member("b", of: text) == JSON(parsing: #"[true, {"x": 1}]"#))
        #expect(try member("d", of: text) == .number("5"))
        #expect(try member("c", of: text) == .string("\\"))
        #expect(try member("x", of: text) == nil)
        #expect(try member("x", of: "{}") == nil)
        for broken in ["", "[]", #"{"a" 1}"#, #"{"a": "x"#, #"{"a": [1"#, #"{"a": 1"#, #"{"x": }"#, #"{"a": "\"#] {
            #expect(throws: JSON.SyntaxError.self) { try member("x", of: broken) }
        }
        let deep = "{\"x\": " + String(repeating: "[", count: 100_000)
        #expect(throws: JSON.SyntaxError.self) { try member("x", of: deep) }
        #expect(throws: JSON.SyntaxError.self) { try member("y", of: deep) }
    }

    @Test("An object of very many keys is read, and one of them twice is found")
    func manyKeys() throws {
        let members = (0..<200_000).map { "\"k\($0)\":1" }
        #expect(try JSON(parsing: "{\(members.joined(separator: ","))}").object?.count == members.count)
        #expect(throws: JSON.SyntaxError.self) {
            try JSON(parsing: "{\(members.joined(separator: ",")),\"k77777\":2}")
        }
    }
}
