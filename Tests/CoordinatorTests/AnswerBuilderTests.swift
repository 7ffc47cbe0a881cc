import Coordinator
import Testing

@Suite("Answers built from tokens") struct AnswerBuilderTests {
    @Test("The stop text that comes first ends an answer")
    func stops() {
        func cut(_ text: String, _ stops: [String]) -> [String]? {
            AnswerBuilder.cut(text, before: stops).map { [$0.text, $0.reason] }
        }
        #expect(cut("a red car", ["car"]) == ["a red ", "car"])
        #expect(cut("a red car", ["car", " red"]) == ["a", " red"])
        #expect(cut("a red car", ["a red", "a"]) == ["", "a red"])
        #expect(cut("a red car", ["\n", "A"]) == nil)
        #expect(cut("é\u{301}|é", ["|"]) == ["é\u{301}", "|"])
        #expect(cut("", ["x"]) == nil)
    }

    @Test(
        "What may still change at the end of a text is held back: half characters, and what a stop text may begin with")
    func unsettled() {
        func held(_ text: String, _ stops: [String] = []) -> Int {
            AnswerBuilder.unsettledBytes(of: Array(text.utf8), stops: stops)
        }
        #expect(held("a red car") == 0)
        #expect(held("a red \u{FFFD}") == 3)
        #expect(held("a red \u{FFFD}\u{FFFD}") == 6)
        #expect(held("a red ca", ["car"]) == 2)
        #expect(held("a red car", ["cart", "red car park"]) == 7)
        #expect(held("a red car", ["x"]) == 0)
        #expect(held("", ["x"]) == 0)
        #expect(held("é", ["é|"]) == 2)
        // A stop text that begins like the second half of a character holds back the whole character.
        #expect(held("aé", ["é"]) == 0)
    }
}
