import Base
import Testing

@Suite("Exact text")
struct ExactTextTests {
    @Test("Composed and decomposed letters are equal strings and different exact texts")
    func comparesCodeUnits() {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        #expect(composed == decomposed)
        #expect(ExactText(composed) != ExactText(decomposed))
        #expect(ExactText(composed) == ExactText("caf\u{E9}"))
        #expect(Set([composed, decomposed, "caf\u{E9}"].map(ExactText.init)).count == 2)
    }
}
