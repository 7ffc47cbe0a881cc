import Base
import Testing

@Suite("Text on its way to a terminal")
struct TerminalTextTests {
    @Test(
        "What a terminal obeys, hides or reorders is written as an escape, and all other text stays",
        arguments: [
            ("plain café 猫 🐱", "plain café 猫 🐱"), ("a\u{1B}[31mb", "a\\x1B[31mb"), ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{7F}\u{9B}1m", "\\x7F\\u{9B}1m"), ("a\u{202E}gpj", "a\\u{202E}gpj"), ("x\u{2028}y", "x\\u{2028}y"),
            ("\u{0}", "\\x00"), (SystemText.text([0x63, 0xE9]), "c\\xE9"), ("\u{200D}👩‍💻", "\u{200D}👩‍💻"),
            ("\u{FEFF}", "\\u{FEFF}"), ("\u{E0041}", "\\u{E0041}"),
        ])
    func escapes(text: String, shown: String) {
        #expect(text.onOneLine == shown)
        #expect("a\n\t".forTerminal == "a\n\t")
    }
}
