import Archives
import Base
import Foundation
import Queue
import Tables
import TestSupport
import Testing

/// `paligemma` is killed while it writes; the same command again must bring what an undisturbed one writes.
@Suite("Outputs and kills", .timeLimit(.minutes(30 * Sanitizer.slowness)))
struct OutputKillTests {
    private static let pictures = 40

    private func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.writePictures(Self.pictures)
        try bench.installStressWorker(pauseMilliseconds: 5)
        try FileSystem.makeFolder(bench.path("shards"))
        for shard in 0..<4 {
            let file = try NewFile(for: bench.path("shards/0\(shard).tar"))
            let writer = TarWriter(descriptor: file.descriptor, name: "shard")
            for key in 0..<10 { try writer.append("\(shard)-\(key).jpg", Array("picture \(shard)-\(key)".utf8)) }
            try writer.finish()
            try file.commit()
        }
        return bench
    }

    /// Runs a command again and again, killing it after a time that grows, until it ends by itself.
    private func runThroughKills(_ bench: CommandBench, _ words: [String], seed: Int) throws {
        var pause = UInt32(40_000 + seed * 9_000)
        for _ in 0..<200 {
            let command = try RunningCommand(bench, words, environment: ["PATH": "/usr/bin:/bin"])
            let end = ContinuousClock.now + .microseconds(Int(pause))
            let isOver = !command.waitUntil { ContinuousClock.now >= end }
            kill(command.processID, SIGKILL)
            let outcome = try command.wait()
            if isOver || outcome.code == 0 {
                #expect(outcome.code == 0, "\(outcome.errors)")
                return
            }
            pause += 15_000
        }
        Issue.record("it never came to its end")
    }

    private func run(_ input: [String], _ output: String...) -> [String] {
        ["run", "--model", "model", "--prompt", "caption en"] + input + output
    }

    @Test("Lines and rows are neither torn nor doubled", arguments: ["out.jsonl", "out.csv", "out.tsv", "out.parquet"])
    func records(output: String) throws {
        let bench = try makeBench()
        try runThroughKills(bench, run(["pictures"], "--output", output), seed: output.utf8.count)
        let ids: [String]
        switch output.pathExtension {
        case "jsonl": ids = try bench.results(output).map(\.id)
        case "parquet":
            let file = try ParquetFile(path: bench.path(output))
            ids = try (0..<file.rowCount).map { row in
                guard case .bytes(let bytes) = try file.cell(column: file.column("id"), row: row) else { return "" }
                return String(decoding: bytes, as: UTF8.self)
            }
        default:
            let reader = try DelimitedReader(
                FileSource(path: bench.path(output)), name: output,
                format: output.hasSuffix("csv") ? .csv : .escapedTSV, hasHeader: true)
            var found: [String] = []
            while let row = try reader.next() { found.append(try row.text(0)) }
            ids = found
        }
        #expect(ids.sorted() == (0..<Self.pictures).map { String(format: "pictures/%03d.jpg", $0) })
    }

    @Test("An answer is appended to a text once", arguments: 0..<3)
    func appended(seed: Int) throws {
        let bench = try makeBench()
        for number in 0..<Self.pictures {
            try bench.write("old \(number)", to: String(format: "pictures/%03d.txt", number))
        }
        let words = run(["pictures"], "--format", "txt", "--sidecar", "append", "--output", "captions")
        try runThroughKills(bench, words, seed: seed)
        for number in 0..<Self.pictures {
            #expect(try bench.read(String(format: "pictures/%03d.txt", number)) == "old \(number), caption en")
        }
        let hidden = try FileSystem.names(in: bench.path("pictures")).filter { $0.hasPrefix(".") }
        #expect(hidden.count <= 3, "what a killed process was about to name")
    }

    @Test(
        "A kill before or behind the writing of any text leaves each answer there once",
        arguments: [("before", 1), ("after", 1), ("before", 7), ("after", 7), ("after", 40)])
    func killSwitch(side: String, number: Int) throws {
        let bench = try makeBench()
        #expect(try RunningCommand(bench, run(["pictures"], "--output", "out.jsonl")).wait().code == 0)
        for number in 0..<Self.pictures { try bench.write("old", to: String(format: "pictures/%03d.txt", number)) }
        let words = ["results", "--queue", "out.jsonl.queue", "--format", "txt", "--sidecar", "prepend"]
        let fault = ["PALIGEMMA_FAULT": "kill:\(side)-write:\(number)"]
        let killed = try RunningCommand(bench, words, environment: fault).wait()
        #expect(killed.code != 0)
        #expect(try RunningCommand(bench, words).wait().code == 0)
        for number in 0..<Self.pictures {
            #expect(try bench.read(String(format: "pictures/%03d.txt", number)) == "caption en, old")
        }
    }

    @Test("A shard with its name is whole, and in the end all are there", arguments: 0..<2)
    func shards(seed: Int) throws {
        let bench = try makeBench()
        let words = run(
            (0..<4).map { "shards/0\($0).tar" }, "--format", "webdataset", "--output-dir", "out", "--with-pictures")
        try runThroughKills(bench, words, seed: seed)
        for shard in 0..<4 {
            let reader = try SampleReader(FileSource(path: bench.path("out/0\(shard).tar")), name: "shard") { _ in .read
            }
            var keys: [String] = []
            while let sample = try reader.next() {
                keys.append(sample.key)
                #expect(sample.fields.map(\.name) == ["jpg", "txt", "json"])
                #expect(sample["jpg"]?.bytes == Array("picture \(sample.key)".utf8))
            }
            #expect(keys == (0..<10).map { "\(shard)-\($0)" })
        }
    }

    @Test("A text that is there makes no job, and two pictures of one text are refused with their names")
    func textsThatAreThere() throws {
        let bench = try makeBench()
        try bench.write("mine", to: "pictures/000.txt")
        let words = run(["pictures"], "--format", "txt", "--output", "captions")
        let outcome = try RunningCommand(bench, words).wait()
        #expect(outcome.code == 0)
        #expect(outcome.errors.contains("1 picture has its text already and is not asked about"))
        #expect(try bench.read("pictures/000.txt") == "mine")
        #expect(try bench.read("pictures/001.txt") == "caption en")
        try bench.write("x", to: "pictures/001.png")
        let refused = try RunningCommand(bench, words).wait()
        #expect(refused.code == 2)
        #expect(refused.errors.contains("001.png and 001.jpg would share this text"))
    }
}
