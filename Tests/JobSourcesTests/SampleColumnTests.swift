import Base
import JobSources
import TestSupport
import Testing

@Suite("Members of samples as columns", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct SampleColumnTests {
    let bench: SourceBench

    init() throws { bench = try SourceBench() }

    private func read(
        _ members: [(name: String, text: String)], _ template: JobTemplate? = nil, _ name: String = "s.tar",
        field: String? = nil
    ) throws -> SourceBench.Outcome {
        try bench.read(try bench.write(try bench.tar(members), to: name), template) { $0.field = field }
    }

    @Test("A small text is a column by its extension, in templates and in the result")
    func texts() throws {
        let members = [
            ("a.question.txt", "why?\n"), ("a.jpg", "x"), ("a.CLS", "3"), ("a.empty", ""),
            ("a.json", #"{"cls": 4, "u": 1}"#),
        ]
        let template = try bench.template("answer en {question.txt} {cls}") {
            $0.id = try TextTemplate("{cls}-{__key__}")
        }
        let job = try #require(try read(members, template).jobs.first)
        #expect(job.prompt == "answer en why? 3" && job.id == "3-a")
        #expect(job.carried == #"{"__key__":"a","question.txt":"why?","cls":"3","empty":"","u":1}"#)
    }

    @Test("Members that are no texts or too large are counted by extension, once for all shards")
    func others() throws {
        let large = String(repeating: "t", count: (64 << 10) + 1)
        let first = try bench.tar([
            ("a.jpg", "x"), ("a.npy", "\u{1}\u{2}"), ("a.long", large), ("a.mask.png", "\u{0}"),
            ("a.whole", String(large.dropLast())),
        ])
        try bench.write(first, to: "s-0.tar")
        try bench.write(try bench.tar([("b.jpg", "x"), ("b.npy", "\u{0}")]), to: "s-1.tar")
        let outcome = try bench.read(bench.folder.file("s-{0..1}.tar"))
        #expect(outcome.faults == ["", ""] && outcome.jobs[0].carried?.contains("\"whole\":\"ttt") == true)
        let said = outcome.notes.filter { $0.contains("are no columns") }
        #expect(said == ["members of samples that are no columns, as they are no texts or too large: npy 2, long 1"])
    }

    @Test("The columns of a sample have a bound together, and the texts that say so have a larger one")
    func bounds() throws {
        let part = String(repeating: "t", count: 60 << 10)
        let members =
            [("a.jpg", "x"), ("a.txt", String(repeating: "t", count: 500 << 10))] + (0..<5).map { ("a.p\($0)", part) }
        let outcome = try read(members)
        #expect(outcome.faults == [""] && (outcome.jobs.first?.carried?.utf8.count ?? 0) > (740 << 10))
        #expect(outcome.notes.contains { $0.hasSuffix("too large: p4 1") })
    }

    @Test("A picture of another extension is a sample's picture where it is asked for")
    func field() throws {
        let outcome = try read([("a.jpg", "x"), ("a.seg.png", "yy")], field: "seg.png")
        #expect(outcome.jobs.first?.images.first?.name.hasSuffix("#a.seg.png") == true)
        #expect(outcome.jobs.first?.carried == #"{"__key__":"a"}"#)
    }
}
