import Serving
import Testing

@Suite("Metrics")
struct MetricsTests {
    @Test("The text has each family once, cumulative buckets, and what labels must not hold is escaped")
    func text() {
        var text = MetricsText(prefix: "p_", labels: [("model_name", "a\"b\\c\nd")])
        text.gauge("waiting", "How many wait.", 2)
        var histogram = Histogram([0.5, 1])
        for value in [0.25, 0.5, 0.75, 2] { histogram.add(value) }
        text.histogram("seconds", "Time.", histogram)
        text.unprefixed()
        text.counters("all_total", "All.", ["code"], [["b"]: 2, ["a"]: 1])
        let label = #"model_name="a\"b\\c\nd""#
        #expect(
            text.text == """
                # HELP p_waiting How many wait.
                # TYPE p_waiting gauge
                p_waiting{\(label)} 2
                # HELP p_seconds Time.
                # TYPE p_seconds histogram
                p_seconds_bucket{\(label),le="0.5"} 2
                p_seconds_bucket{\(label),le="1"} 3
                p_seconds_bucket{\(label),le="+Inf"} 4
                p_seconds_sum{\(label)} 3.5
                p_seconds_count{\(label)} 4
                # HELP all_total All.
                # TYPE all_total counter
                all_total{code="a"} 1
                all_total{code="b"} 2

                """)
    }
}

@Suite("Keys")
struct APIKeyTests {
    @Test("A key that was made is found by its line, another is not")
    func made() throws {
        let (alice, root) = (APIKeys.make(name: "alice"), APIKeys.make(name: "root", role: .admin))
        let keys = try APIKeys("# who may ask\n\n\(alice.line)\n\(root.line)\r\n")
        let found = [alice, root].map { keys.holder(of: $0.key) }
        #expect(found.map(\.?.name) == ["alice", "root"])
        #expect(found.map(\.?.role) == [.use, .admin])
        for wrong in ["", alice.key + "x", String(alice.key.dropLast()), alice.line] {
            #expect(keys.holder(of: wrong) == nil)
        }
    }

    @Test(
        "A line that is none is told by its number",
        arguments: [
            ("a", 1), ("\na b", 2), ("a \(String(repeating: "0", count: 63))", 1),
            ("a \(String(repeating: "g", count: 64))", 1), ("a \(String(repeating: "0", count: 64)) king", 1),
            ("a \(String(repeating: "0", count: 64)) use x", 1),
        ])
    func badLines(text: String, line: Int) {
        #expect { try APIKeys(text) } throws: { ($0 as? APIKeys.LineError)?.line == line }
    }
}
