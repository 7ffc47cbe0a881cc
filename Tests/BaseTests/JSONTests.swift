import Base
import Testing

@Suite struct JSONTests {
    @Test func valuesOfEveryKindAreRead() throws {
        let value = try JSON(parsing: #" {"a": [1, -2.5e3, true, false, null], "b": {"c": "x"}, "": []} "#)
        let array = [JSON.number("1"), .number("-2.5e3"), .bool(true), .bool(false), .null]
        #expect(value["a"] == .array(array))
        #expect(value["b"] == .object([JSON.Member(key: "c", value: .string("x"))]))
        #expect(value.object?.map(\.key) == ["a", "b", ""])
    }

    @Test func escapesAreRead() throws {
        let text = #""\" \\ \/ \b\f\n\r\t \u00e9 \uD83D\uDFE5 \u0000 ü""#
        #expect(try JSON(parsing: text).string == "\" \\ / \u{8}\u{c}\n\r\t é 🟥 \0 ü")
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "[1 2]", "nul", "01", "1.", "+1", "-", "1e", "\"", "\"\\x\"",
        "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "{} {}", "{\"a\":1,\"a\":2}",
        "'a'", "\u{FEFF}{}", String(repeating: "[", count: 100_000),
    ])
    func whatIsNotJSONIsRefused(text: String) {
        #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: text) }
    }

    @Test func bytesThatAreNotUTF8AreRefused() {
        let bytes: [UInt8] = [0x22, 0xC3, 0x28, 0x22]
        #expect(throws: JSON.SyntaxError.self) { try bytes.withUnsafeBufferPointer { try JSON(parsing: $0) } }
    }

    @Test func anySingleByteChangeIsReadOrRefusedButNeverCrashes() {
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

    @Test func whatIsWrittenIsReadBack() throws {
        let text = String(String.UnicodeScalarView((0...0x2FF).compactMap { Unicode.Scalar($0) })) + "🟥\u{2028}"
        var writer = JSONWriter()
        writer.string(text)
        #expect(try JSON(parsing: String(decoding: writer.bytes, as: UTF8.self)).string == text)
        #expect(!writer.bytes.contains { $0 < 0x20 })
    }
}
