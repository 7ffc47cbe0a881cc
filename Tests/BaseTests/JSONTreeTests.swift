import Base
import Testing

@Suite("JSON is read byte by byte")
struct JSONTreeTests {
    @Test("Every kind of value is read")
    func values() throws {
        let tree = try JSONTree(
            Array(#" {"a": [1, -2.5e1, true, false, null], "b": {"c": "x\n\"\\\u00e9\ud83d\ude00/\/"}} "#.utf8))
        let elements = try #require(tree["a"]?.elements)
        #expect(elements.count == 5)
        #expect(elements[0].integer == 1)
        #expect(elements[1].integer == -25)
        #expect(elements[2].isTrue)
        #expect(!elements[3].isTrue)
        #expect(tree["b"]?["c"]?.text == "x\n\"\\é😀//")
        #expect(tree["absent"] == nil)
    }

    @Test(
        "What is no JSON is refused at its byte",
        arguments: [
            ("", 0), ("{", 1), ("[1,]", 3), ("{\"a\" 1}", 5), ("[1] x", 4), ("\"abc", 4), ("\"\\q\"", 3),
            ("\"\\ud800\"", 7),
            ("nul", 0), ("[01x]", 3),
        ])
    func refusals(text: String, offset: Int) {
        let error = #expect(throws: JSONTree.SyntaxError.self) { try JSONTree(Array(text.utf8)) }
        #expect(error?.offset == offset)
    }

    @Test("Nesting has an end")
    func nesting() {
        #expect(throws: JSONTree.SyntaxError.self) { try JSONTree([UInt8](repeating: 0x5B, count: 1_000_000)) }
    }

    @Test("Keys that differ only in their bytes stay apart")
    func canonicalEquivalents() throws {
        let tree = try JSONTree(Array("{\"\u{C5}\": 0, \"A\u{30A}\": 1, \"\\u212b\": 2}".utf8))
        #expect(tree.members?.map(\.key) == [[0xC3, 0x85], [0x41, 0xCC, 0x8A], [0xE2, 0x84, 0xAB]])
    }
}
