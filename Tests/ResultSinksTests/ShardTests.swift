import Archives
import Base
import CSQLite
import Foundation
import Queue
import ResultSinks
import TestSupport
import Testing

@Suite("Shards of answers", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct ShardTests {
    let bench: SinkBench

    init() throws { bench = try SinkBench() }

    /// Writes a shard of pictures into `in` and submits a job for each.
    private func makeShard(_ name: String, keys: [String], in folder: String = "in") throws {
        let path = bench.path("\(folder)/\(name)")
        try FileSystem.makeFolder(path.parentPath)
        let file = try NewFile(for: path)
        let writer = TarWriter(descriptor: file.descriptor, name: name)
        for key in keys {
            try writer.append(key + ".jpg", Array("picture \(key)".utf8))
            try writer.append(key + ".txt", Array("caption \(key)".utf8))
        }
        try writer.finish()
        try file.commit()
        let reader = try SampleReader(FileSource(path: path), name: name) { $0.hasSuffix("jpg") ? .locate : .drop }
        while let sample = try reader.next() {
            let field = try #require(sample.fields.first)
            let part = JobImage.Part.range(offset: Int64(try #require(field.offset)), count: Int64(field.size))
            try bench.submit(
                "\(folder)/\(name) \(sample.key)",
                [JobImage(name: "\(folder)/\(name)#\(field.memberName)", path: path, part: part)],
                carried: #"{"__key__":"\#(sample.key)"}"#)
        }
    }

    /// The samples of a shard that was written: key, and fields with their contents.
    private func samples(_ name: String) throws -> [(key: String, fields: [String: String])] {
        let reader = try SampleReader(FileSource(path: bench.path("out/" + name)), name: name) { _ in .read }
        var samples: [(String, [String: String])] = []
        while let sample = try reader.next() {
            let fields = sample.fields.map { ($0.name, String(decoding: $0.bytes ?? [], as: UTF8.self)) }
            samples.append((sample.key, Dictionary(uniqueKeysWithValues: fields)))
        }
        return samples
    }

    private func shards() throws -> [String] {
        try FileSystem.names(in: bench.path("out")).filter { !$0.hasPrefix(".") }.sorted()
    }

    @Test(
        "A shard mirrors its shard of pictures: text, line of results and picture stand together, failures have no text"
    )
    func mirrored() throws {
        try makeShard("00000.tar", keys: ["d/a", "b.x", "ü"])
        try bench.answer(["A", nil, "Ü\n"])
        let report = try bench.finish(.webdataset, to: "out") { $0.copiesPictures = true }
        #expect(report == SinkReport())
        let samples = try samples("00000.tar")
        #expect(samples.map(\.key) == ["d/a", "b", "ü"])
        #expect(samples.map { $0.fields["txt"] } == ["A", nil, "Ü\n"])
        #expect(samples[0].fields["jpg"] == "picture d/a")
        #expect(samples[1].fields["x.jpg"] == "picture b.x")
        let lines = try samples.map { try JSON(parsing: try #require($0.fields["json"])) }
        #expect(lines.map { $0["error"]?["code"]?.string } == [nil, "missing", nil])
        #expect(lines[2]["columns"]?["__key__"]?.string == "ü")
    }

    @Test("A shard gets its name when all of its jobs have ended, while others go on")
    func whileOthersGoOn() throws {
        for shard in 0..<3 { try makeShard("0\(shard).tar", keys: ["a", "b"]) }
        let sink = try bench.sink(.webdataset, to: "out")
        try bench.answer(["1", "2", "3"])
        try sink.update(from: bench.queue)
        #expect(try shards() == ["00.tar"])
        try bench.answer([nil, "5"])
        try sink.update(from: bench.queue)
        #expect(try shards() == ["00.tar", "01.tar"])
        #expect(
            try sink.finish(from: bench.queue).notes == [
                "1 shard has jobs that have not ended, and is not written yet"
            ])
        try bench.answer(["6"])
        #expect(try sink.finish(from: bench.queue) == SinkReport())
        #expect(try shards() == ["00.tar", "01.tar", "02.tar"])
        #expect(try samples("02.tar").map { $0.fields["txt"] } == ["5", "6"])
    }

    @Test("A shard that is written is left as it is, until its answers are others")
    func resumes() throws {
        try makeShard("00.tar", keys: ["a", "b"])
        try makeShard("01.tar", keys: ["a", "b"])
        try bench.answer(["1", nil, "3", "4"])
        try bench.finish(.webdataset, to: "out")
        let before = try shards().map { FileIdentity(path: bench.path("out/" + $0)) }
        try bench.finish(.webdataset, to: "out")
        #expect(try shards().map { FileIdentity(path: bench.path("out/" + $0)) } == before)
        #expect(try bench.queue.retry(.all) == 1)
        try bench.answer(["2"])
        try bench.finish(.webdataset, to: "out")
        #expect(try samples("00.tar").map { $0.fields["txt"] } == ["1", "2"])
        #expect(FileIdentity(path: bench.path("out/01.tar")) == before[1])
        try bench.write("cut", to: "out/01.tar")
        try bench.finish(.webdataset, to: "out")
        #expect(try samples("01.tar").map { $0.fields["txt"] } == ["3", "4"])
    }

    @Test("A kill before or behind the renaming, or inside a line of the log, is mended by the same command")
    func kills() throws {
        try makeShard("00.tar", keys: ["a", "b"])
        try bench.answer(["1", "2"])
        try bench.finish(.webdataset, to: "out")
        let log = try #require(FileSystem.contents(of: bench.path("out/.paligemma-shards")))
        for cut in 0...log.count {
            for isRenamed in [false, true] {
                // The log names the shard before it is renamed.
                let firstLine = (log.firstIndex(of: 0x0A) ?? 0) + 1
                guard !isRenamed || cut >= firstLine else { continue }
                if !isRenamed { FileSystem.remove(bench.path("out/00.tar")) }
                try NewFile.write(log.prefix(cut), to: bench.path("out/.paligemma-shards"))
                try bench.finish(.webdataset, to: "out")
                #expect(try samples("00.tar").map { $0.fields["txt"] } == ["1", "2"])
            }
        }
    }

    @Test("An output that would replace the input, or a file of somebody else, is refused")
    func refused() throws {
        try makeShard("00.tar", keys: ["a"])
        try bench.answer(["1"])
        let input = FileSystem.contents(of: bench.path("in/00.tar"))
        var error = #expect(throws: SinkError.self) { try bench.finish(.webdataset, to: "in") }
        #expect([SinkError.Code.isInput, .collision].contains(error?.code))
        #expect(FileSystem.contents(of: bench.path("in/00.tar")) == input)
        try bench.write("mine", to: "out/00.tar")
        error = #expect(throws: SinkError.self) { try bench.finish(.webdataset, to: "out") }
        #expect(error?.code == .collision)
        #expect(bench.read("out/00.tar") == "mine")
    }

    @Test("Two shards of one name, and two questions about one picture, are refused")
    func collisions() throws {
        var check = SubmissionCheck(try SinkOptions(format: .webdataset, output: nil, folder: bench.path("out")))
        func job(_ name: String) -> Job { Job(id: name, images: [JobImage(name: name, path: name)], prompt: "") }
        #expect(try check.decide(job("x/00.tar#a.jpg")) == .submit)
        #expect(try check.decide(job("https://h/01.tar.gz?k=1#a.jpg")) == .submit)
        for name in ["y/00.tar#a.jpg", "y/01.tgz#a.jpg", "a.jpg"] {
            #expect(throws: SinkError.self) { try check.decide(job(name)) }
        }
        try makeShard("00.tar", keys: ["a", "b"])
        try bench.submit("again", [JobImage(name: "in/00.tar#a.jpg", path: bench.path("in/00.tar"))], prompt: "ocr")
        try bench.answer(["1", "2", "3"])
        let error = #expect(throws: SinkError.self) { try bench.finish(.webdataset, to: "out") }
        #expect(error?.code == .collision)
        #expect(try shards().isEmpty)
    }

    /// Changes the queue's file behind its back.
    private func damage(_ statements: String) throws {
        var connection: OpaquePointer?
        defer { sqlite3_close(connection) }
        try #require(sqlite3_open(bench.path("jobs.db"), &connection) == SQLITE_OK)
        try #require(sqlite3_exec(connection, statements, nil, nil, nil) == SQLITE_OK)
    }

    @Test("The largest number that a job can have is written, and numbers that no queue gives are counted")
    func extremeNumbers() throws {
        try makeShard("00.tar", keys: ["a", "b", "c"])
        try makeShard("01.tar", keys: ["a", "b"])
        try bench.answer(["1", "2", "3", "4"])
        for (old, new) in [(1, Int64.min), (2, -1), (3, .max - 1), (4, .max)] {
            try damage(
                "UPDATE jobs SET sequence = \(new) WHERE sequence = \(old);"
                    + "UPDATE results SET sequence = \(new) WHERE sequence = \(old)")
        }
        let sink = try bench.sink(.webdataset, to: "out")
        try sink.update(from: bench.queue)
        #expect(try shards() == ["01.tar"], "the job before the others has ended, and none can come behind")
        try bench.answer(["5"])
        let report = try sink.finish(from: bench.queue)
        #expect(report.isIncomplete)
        #expect(report.notes.count == 1 && report.notes[0].hasPrefix("2 jobs have numbers that no queue gives"))
        #expect(try samples("00.tar").map { $0.fields["txt"] } == ["3"])
        #expect(try samples("01.tar").map { $0.fields["txt"] } == ["5", "4"])
    }

    @Test("A full word of numbers at the end of all numbers is no overflow")
    func fullWord() throws {
        try makeShard("00.tar", keys: ["a"])
        try makeShard("01.tar", keys: (0..<64).map { "k\($0)" })
        try bench.answer((0...64).map { "\($0)" })
        let shift = Int64.max - 65
        try damage("UPDATE jobs SET sequence = sequence + \(shift); UPDATE results SET sequence = sequence + \(shift)")
        try bench.sink(.webdataset, to: "out").update(from: bench.queue)
        #expect(try shards() == ["01.tar"])
        #expect(try samples("01.tar").count == 64)
    }

    @Test("Jobs outside of shards are counted, and pictures that cannot be copied too")
    func leftOut() throws {
        try bench.submit("x", [bench.picture("x.jpg")])
        try bench.submit("y", [JobImage(name: "in/00.tar.gz#y.jpg", path: bench.path("in/00.tar.gz"))])
        try bench.answer(["X", "Y"])
        let report = try bench.finish(.webdataset, to: "out") { $0.copiesPictures = true }
        #expect(report.isIncomplete)
        #expect(report.notes.count == 2)
        #expect(try samples("00.tar").map(\.key) == ["y"])
    }

    @Test("A shard of pictures that was cut since is an error that names the picture, and nothing is put in place")
    func changedInput() throws {
        try makeShard("00.tar", keys: ["a", "b"])
        try bench.answer(["1", "2"])
        try bench.write("short", to: "in/00.tar")
        let error = #expect(throws: SinkError.self) {
            try bench.finish(.webdataset, to: "out") { $0.copiesPictures = true }
        }
        #expect(error?.code == .missingPicture)
        #expect(error?.description.contains("in/00.tar#a.jpg") == true)
        #expect(try shards().isEmpty)
    }
}
