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
}
