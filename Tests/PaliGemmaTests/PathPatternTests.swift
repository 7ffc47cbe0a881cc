import Base
import PaliGemma
import Testing

@Suite("Patterns of adapters match the paths that Python's regular expressions match, in linear time")
struct PathPatternTests {
    /// Expressions, paths, and what Python says.
    static let vectors: [(String, String, Bool)] = [
        (#"q_proj"#, "model.layers.0.self_attn.q_proj", true),
        (#"q_proj"#, "model.layers.0.self_attn.xq_proj", false),
        (#"layers.0.self_attn.q_proj"#, "language_model.model.layers.10.self_attn.q_proj", false),
        (#"layers\.1\.self_attn\.v_proj"#, "a.layers.1.self_attn.v_proj", true),
        (#"layers\.1\.self_attn\.v_proj"#, "a.layersx1.self_attn.v_proj", false),
        (#"^model.vision_tower.*fc1"#, "model.vision_tower.encoder.layers.0.mlp.fc1", true),
        (#"^model.vision_tower.*fc1"#, "x.model.vision_tower.encoder.layers.0.mlp.fc1", false),
        (#"q_proj|v_proj"#, "a.b.v_proj", true),
        (#"q_proj|v_proj"#, "a.b.k_proj", false),
        (#".*\.(q|k)_proj"#, "a.b.k_proj", true),
        (#"layers.[0-3].*"#, "m.layers.2.mlp", true),
        (#"layers.[^0-3].*"#, "m.layers.2.mlp", false),
        (#"layers\.\d{1,2}\.mlp"#, "m.layers.12.mlp", true),
        (#"layers\.\d{1,2}\.mlp"#, "m.layers.123.mlp", false),
        (#"layers\.\d{2,}\.mlp"#, "m.layers.123.mlp", true),
        (#"\bq_proj\b"#, "a.q_proj", true),
        (#"\w+_proj$"#, "a.q_proj", true),
        (#"(?:up|down)_proj"#, "mlp.up_proj", true),
        (#"(?P<n>up)_proj"#, "mlp.up_proj", true),
        (#"a{,2}b"#, "aab", true),
        (#"a{,2}b"#, "aaab", false),
        (#"x{2}"#, "x{2}", false),
        (#"x{a}"#, "x{a}", true),
        (#"(a|b)*c"#, "ababc", true),
        (#"(a*)*b"#, "aaab", true),
        (#"(a*)*b"#, "aaac", false),
        (#""#, "a.b", false),
        (#""#, "a.", true),
        (#"[\w.]+fc1"#, "vision.mlp.fc1", true),
        (#"[a\-z]"#, "-", true),
        (#"[]a]"#, "]", true),
        (#"\W"#, ".", true),
        (#"q_proj??"#, "q_pro", true),
        (#"a\.b|c"#, "x.c", true),
        (#"a|"#, "x.", true),
        (#"(((a|ab)(c|bcd))(d*))"#, "abcd", true),
        (#"\Alm_head\Z"#, "lm_head", true),
        (#"[\D]"#, "a", true),
        (#"[^\D]"#, "7", true),
    ]

    @Test("An expression matches the end of a path as re.match of PEFT does", arguments: vectors)
    func matches(expression: String, path: String, expected: Bool) throws {
        #expect(try PathPattern(expression).matches(path) == expected)
    }

    @Test("Expressions that take other engines for ever are matched at once")
    func nestedRepetitions() throws {
        let path = "base." + String(repeating: "a", count: 5000)
        #expect(try !PathPattern("((([a-z_.0-9]+)*)*)*X").matches(path))
        #expect(try PathPattern("(a|aa|a*)*").matches(path))
        #expect(try !PathPattern("(a?){200}a{200}b").matches(path))
    }

    @Test(
        "What is malformed, too large or not implemented is refused with the reason",
        arguments: [
            ("(", "not closed"), (")", "not opened"), ("[a", "not closed"), ("*a", "repeats nothing"),
            ("a**", "repeats"),
            ("(?=a)", "look-around"), ("(?i)a", "flags"), (#"(a)\1"#, "references"), (#"a\"#, "backslash"),
            ("[z-a]", "backward"), ("a{3,2}", "below its minimum"), ("((a{100}){100}){100}", "too large"),
            (String(repeating: "(", count: 100), "nested"), (String(repeating: "a", count: 2000), "characters"),
        ])
    func refused(expression: String, reason: String) {
        #expect {
            _ = try PathPattern(expression)
        } throws: { ($0 as? PathPattern.SyntaxError)?.reason.contains(reason) == true }
    }
}
