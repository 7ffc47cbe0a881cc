import Base
import Foundation
import JobSources
import Queue
import TestSupport
import Testing

/// Lines of JSON whose keys are named with `--columns`, and headers that are not what they should be.
@Suite("Named columns", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct NamedColumnsTests {
    let bench: SourceBench

    init() throws { bench = try SourceBench() }

    private func template(_ columns: [String: String]) throws -> JobTemplate {
        try bench.template {
            for (key, column) in columns { $0.columns[ExactText(key)] = column }
        }
    }

    @Test("Keys of lines of JSON mean what they are named as, and what they displace is the person's own")
    func lines() throws {
        let path = try bench.folder.write(
            """
            {"url": "/a.png", "image": 7, "q": "why?", "key": 1, "id": "mine", "score": 2}
            {"url": "/b.png", "temperature": 0.5, "t": 9}
            """, to: "a.jsonl")
        let names = ["image": "url", "prompt": "q", "id": "key", "max_tokens": "t"]
        let jobs = try bench.read(path, template(names)).jobs
        #expect(jobs.map { $0.fault?.message ?? "" } == ["", ""])
        #expect(jobs.map(\.id) == ["1", "/b.png"] && jobs.map(\.prompt) == ["why?", "caption en"])
        #expect(jobs.map { $0.images.map(\.path) } == [["/a.png"], ["/b.png"]])
        #expect(jobs[0].carried == #"{"image":7,"id":"mine","score":2}"# && jobs[1].carried == nil)
        #expect(jobs[1].options == #"{"temperature":0.5}"# && jobs[1].maxTokens == 9)
    }

    @Test("Ids of lines that ask several things are made of what the keys are named as")
    func ids() throws {
        let path = try bench.folder.write(
            #"{"url": "a.png", "q": "x"}"# + "\n" + #"{"url": "a.png", "q": "y"}"#, to: "a.jsonl")
        #expect(
            try bench.read(path, template(["image": "url", "prompt": "q"])).jobs.map(\.id) == ["a.png#x", "a.png#y"])
    }

    @Test("A row that has its id says nothing about the ids of others")
    func ownIDs() throws {
        let path = try bench.folder.write("id,image,prompt\na,x.png,p\n,x.png,q\n,x.png,r\n", to: "t.csv")
        #expect(try bench.read(path).jobs.map(\.id) == ["a", "x.png", "x.png#r"])
    }

    @Test("A key that no job has is refused, in lines as in tables")
    func unknown() throws {
        try bench.folder.write(#"{"image": "a.png"}"#, to: "a.jsonl")
        try bench.folder.write("image\na.png\n", to: "a.csv")
        let texts = try ["a.jsonl", "a.csv"].map {
            try bench.refusal(bench.folder.file($0), template(["url": "image"]))
        }
        for text in texts { #expect(text.contains("the key stands first: image=url"), "\(text)") }
    }

    @Test("A column of pictures' bytes that is named is one that rows have")
    func pictureBytes() throws {
        let bytes = try bench.parquet([.init("pic", .binary), .init("q", .string)], [[.bytes([1]), .text("why?")]])
        let path = try bench.write(bytes, to: "t.parquet")
        let template = try template(["image": "pic", "prompt": "q"])
        template.tally.expect(["pic", "q", "absent"], flag: "--columns")
        let outcome = try bench.read(path, template)
        #expect(outcome.jobs.map(\.prompt) == ["why?"])
        #expect(
            outcome.notes.filter { $0.hasPrefix("--columns") } == [#"--columns: no row has a column called "absent""#])
    }

    @Test("A header whose columns are separated in another way is refused with what to do")
    func separators() throws {
        for (name, header, advice) in [
            ("a.csv", "image;prompt", "its header has semicolons"), ("a.csv", "image\tprompt", "--from tsv:FILE"),
            ("a.tsv", "image,prompt", "--from csv:FILE"), ("a.tsv", "image;prompt", "its header has semicolons"),
        ] {
            let path = try bench.folder.write(header + "\na\n", to: name)
            #expect(try bench.refusal(path).contains(advice), "\(header)")
            #expect(try bench.refusal(path, template(["image": "image"])).contains(advice), "\(header)")
        }
    }

    @Test("A table in UTF-16 is refused with what to do", arguments: [[0xFF, 0xFE, 0x69, 0], [0xFE, 0xFF, 0, 0x69]])
    func utf16(bytes: [UInt8]) throws {
        let path = try bench.write(bytes, to: "w.csv")
        #expect(try bench.refusal(path).contains("it is UTF-16; convert it with `iconv -f UTF-16 -t UTF-8`"))
    }

    @Test("Names with NUL in a list of lines are failed jobs that say how such lists are read")
    func nul() throws {
        let path = try bench.write(Array("a.png\0b.png\0".utf8), to: "names")
        let faults = try bench.read("list:" + path).faults
        #expect(faults.count == 1 && faults[0].contains("give -0"))
    }

    @Test("The names of a pattern in braces are made one by one")
    func braces() throws {
        try bench.folder.write(#"{"image": "a.png"}"#, to: "s-0.jsonl")
        try bench.folder.write(#"{"image": "b.png"}"#, to: "s-1.jsonl")
        let pattern = SourceName("jsonl:" + bench.folder.file("s-{0..9999999}.jsonl"))
        let source = try #require(try pattern?.opened(bench.template(), .init()))
        #expect(try source.next()?.id == "a.png" && source.next()?.id == "b.png")
        #expect { try source.next() } throws: { "\($0)".contains("s-2.jsonl") }
        let both = try bench.read("jsonl:" + bench.folder.file("{s,s}-{0,[1]}.jsonl"))
        #expect(both.jobs.map(\.id) == ["a.png", "b.png", "a.png", "b.png"])
    }
}
