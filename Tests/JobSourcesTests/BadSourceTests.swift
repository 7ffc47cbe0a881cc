import Base
import Foundation
import JobSources
import Queue
import Tables
import TestSupport
import Testing

/// Sources that are not what they should be: an error or a failed job that says so, and never silence.
@Suite("Bad sources of jobs", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct BadSourceTests {
    let bench: SourceBench

    init() throws { bench = try SourceBench() }

    private static let kinds = ["list", "jsonl", "csv", "tsv", "parquet", "webdataset", "openai"]

    @Test("A folder, a loop of links, a missing file and a name with NUL are refused by name", arguments: kinds)
    func noFile(kind: String) throws {
        try FileSystem.makeFolder(bench.folder.file("folder"))
        try FileManager.default.createSymbolicLink(
            atPath: bench.folder.file("loop"), withDestinationPath: bench.folder.file("loop"))
        for (name, reason) in [
            ("folder", "directory"), ("loop", "symbolic links"), ("missing", "no such file"), ("a\0b", "NUL"),
            (String(repeating: "n", count: 5000), "name"),
        ] {
            let text = try bench.refusal("\(kind):\(bench.folder.file(name))")
            #expect(text.contains(reason) && text.contains(bench.folder.path), "\(name): \(text)")
        }
    }

    @Test("What cannot be read as its compression is refused", arguments: kinds.filter { $0 != "parquet" })
    func compression(kind: String) throws {
        for bytes: [UInt8] in [[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B], [0x28, 0xB5, 0x2F, 0xFD, 0xFF, 0xFF]] {
            let path = try bench.write(bytes, to: "packed")
            #expect(try bench.refusal("\(kind):\(path)").contains("data"))
        }
    }

    @Test("Texts with a NUL character, which no database stores, are failed jobs with names that can be stored")
    func nul() throws {
        try bench.folder.write(
            #"{"image":"a.png","id":"x\u0000y"}"# + "\n" + #"{"image":"b.png","prompt":"x\u0000y"}"# + "\n"
                + #"{"image":"c\u0000.png"}"# + "\n" + #"{"image":"d.png","own":"x\u0000y"}"#, to: "a.jsonl")
        let rows = try bench.read(bench.folder.file("a.jsonl"))
        #expect(rows.jobs.map { $0.fault == nil } == [false, false, false, true])
        #expect(rows.faults[0].contains("the id holds a NUL") && rows.faults[1].contains("the prompt holds a NUL"))
        #expect(rows.jobs[3].carried == #"{"own":"x\u0000y"}"#)
        try bench.write(Array("p.png\nq\0.png\n".utf8), to: "names")
        let names = try bench.read("list:" + bench.folder.file("names"))
        #expect(names.jobs.map(\.id) == ["p.png", #"q\x00.png"#])
        for job in rows.jobs + names.jobs {
            let texts = job.id + job.prompt + (job.fault?.message ?? "")
            #expect(!texts.utf8.contains(0))
        }
    }

    @Test("Lines that come out of a pipe are read once, and none is lost")
    func pipe() throws {
        let path = bench.folder.file("pipe.jsonl")
        try #require(mkfifo(path, 0o600) == 0)
        Thread.start("test-writer") {
            let descriptor = FileSystem.open(path, O_WRONLY)
            let text = (0..<5000).map { "{\"image\": \"\($0).png\"}\n" }.joined()
            text.withCString { _ = write(descriptor, $0, strlen($0)) }
            close(descriptor)
        }
        #expect(try bench.read(path).jobs.map(\.id) == (0..<5000).map { "\($0).png" })
    }

    @Test("Lines that are packed with gzip are read")
    func packedLines() throws {
        let path = try bench.folder.write("{\"image\": \"a.png\"}\n", to: "a.jsonl")
        let gzip = Process()
        gzip.executableURL = URL(fileURLWithPath: "/bin/gzip")
        gzip.arguments = [path]
        try gzip.run()
        gzip.waitUntilExit()
        #expect(try bench.read(path + ".gz").jobs.map(\.id) == ["a.png"])
    }

    @Test("Tables whose columns cannot be told apart, or have endless names, are refused in few words")
    func columns() throws {
        try bench.folder.write("image,image\na,b\n", to: "two.csv")
        #expect(try bench.refusal(bench.folder.file("two.csv")).contains("2 columns are called \"image\""))
        try bench.folder.write(String(repeating: "x", count: 1 << 20) + "\n1\n", to: "long.csv")
        #expect(try bench.refusal(bench.folder.file("long.csv")).utf8.count < 1000)
    }

    @Test("A parquet file whose description lost a part of itself is no file without rows")
    func parquetDescription() throws {
        let bytes = try bench.parquet([.init("image", .string)], (0..<3).map { [.text("a\($0).png")] })
        let length = Int(bytes[bytes.count - 8]) | Int(bytes[bytes.count - 7]) << 8
        for place in (bytes.count - 8 - length)..<(bytes.count - 8) {
            var changed = bytes
            changed[place] ^= 0xFF
            let path = try bench.write(changed, to: "c.parquet")
            let outcome = try? bench.read(path)
            #expect(outcome == nil || outcome?.jobs.count == 3, "byte \(place)")
        }
    }

    @Test("A few bytes that are no archive are not called a cut one only")
    func shortArchive() throws {
        let path = try bench.folder.write("hello", to: "a.tar")
        #expect(try bench.refusal(path).contains("this is no tar archive, or it is cut: it has only 5 bytes"))
    }

    @Test("Texts of samples that cannot be read are left out and said, and the pictures are jobs")
    func texts() throws {
        let path = try bench.write(
            try bench.tar([
                ("a.jpg", "x"), ("a.json", "{"), ("b.jpg", "x"), ("b.json", "[1]"), ("c.jpg", "x"),
                ("c.txt", String(repeating: "t", count: 2 << 20)), ("d.jpg", "x"), ("d.txt", "fine"),
            ]), to: "s.tar")
        let outcome = try bench.read(path)
        #expect(outcome.jobs.map(\.id) == ["a", "b", "c", "d"] && outcome.faults.allSatisfy(\.isEmpty))
        #expect(outcome.notes.contains { $0.contains("3 texts that cannot be read were left out: a.json is not JSON") })
        let filled = try bench.read(path, bench.template("answer {txt}"))
        #expect(filled.faults.map { $0.contains("txt") } == [true, true, true, false])
    }

    @Test("An address where only a folder can be is refused without its secrets")
    func addressOfFolder() throws {
        let text = try bench.refusal("img2dataset:https://h/out/?key=hidden-hidden")
        #expect(text.contains("name the shards of a server") && !text.contains("hidden-hidden"))
    }
}
