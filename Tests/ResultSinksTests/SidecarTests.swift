import Base
import Foundation
import Queue
import ResultSinks
import TestSupport
import Testing

@Suite("Texts beside pictures", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct SidecarTests {
    let bench: SinkBench

    init() throws { bench = try SinkBench() }

    private func rules(_ existing: SidecarRules.Existing, prefix: String = "", suffix: String = "") -> SidecarRules {
        var rules = SidecarRules()
        (rules.existing, rules.prefix, rules.suffix) = (existing, prefix, suffix)
        return rules
    }

    @Test("A text is one line: breaks become spaces, and what is empty has no text")
    func oneLine() {
        let rules = rules(.overwrite, prefix: "photo of ", suffix: "\n, x")
        #expect(rules.text(ofAnswer: " a\r\nb\nc\rd\u{2028}e\u{85}f ") == "photo of a b c d e f , x")
        #expect(rules.text(ofAnswer: "") == nil)
        #expect(rules.text(ofAnswer: " \n\t ") == nil)
    }

    @Test(
        "An answer is put behind or before the text that is there, and an empty text is none",
        arguments: [
            (SidecarRules.Existing.append, "old", "old, new"), (.append, "old \n\n", "old, new"),
            (.append, " \n", "new"),
            (.append, "a\nb\n", "a\nb, new"), (.prepend, "old\n", "new, old\n"), (.prepend, "", "new"),
            (.overwrite, "old", "new"),
        ])
    func joining(existing: SidecarRules.Existing, old: String, new: String) {
        let bytes = rules(existing).contents(with: "new", old: Array(old.utf8))
        #expect(String(decoding: bytes, as: UTF8.self) == new)
        #expect(rules(existing).contents(with: "new", old: nil) == Array("new".utf8))
    }

    @Test(
        "The last extension is replaced, whatever the name",
        arguments: [
            ("a.jpg", "a.caption"), ("photo.2024.01.jpg", "photo.2024.01.caption"), ("noext", "noext.caption"),
            (".hidden", ".hidden.caption"), ("d.x/b", "d.x/b.caption"), ("e\u{301}.png", "e\u{301}.caption"),
        ])
    func names(picture: String, text: String) throws {
        try bench.write("x", to: picture)
        try bench.submit("a", [bench.picture(picture)])
        try bench.answer(["A"])
        _ = try bench.sidecars(.overwrite) { try $0.sidecar.setExtension("caption") }.finish(from: bench.queue)
        #expect(bench.read(text) == "A")
    }

    @Test("A name that is not UTF-8 keeps its bytes")
    func bytes() throws {
        let name = SystemText.text([0x66, 0xFC, 0x2E, 0x6A, 0x70, 0x67])
        try bench.submit("a", [bench.picture(name)])
        try bench.answer(["A"])
        _ = try bench.sidecars(.overwrite).finish(from: bench.queue)
        #expect(
            try FileSystem.names(in: bench.folder).map { SystemText.bytes(of: $0) }.contains([
                0x66, 0xFC, 0x2E, 0x74, 0x78, 0x74,
            ]))
    }

    @Test(
        "A mirrored tree has each picture's place, and nothing leads out of it",
        arguments: [
            ("pictures/a/b.jpg", "pictures/a/b.txt"), ("/data/a.jpg", "data/a.txt"), ("../../a.jpg", "a.txt"),
            ("./a/./b.jpg", "a/b.txt"), ("https://h.org:8080/p/a.jpg?sig=x/y#z", "h.org:8080/p/a.txt"),
            ("s3://bucket/k.png", "bucket/k.txt"), ("shards/0.tar#d/m.jpg", "shards/0/d/m.txt"),
            ("https://h/0.tar?sig=1#../m.jpg", "h/0/m.txt"), ("t.parquet#12", "t/12.txt"), ("https://h", "h.txt"),
            ("standard input#m.jpg", "stdin/m.txt"), ("..", "index.txt"), ("0.tar.zstd#m.jpg", "0/m.txt"),
            ("0.TAR.gzip#m#n.jpg", "0/m#n.txt"), ("a#b.tar#m.jpg", "a#b/m.txt"),
            ("https://h/t.parquet?s=#1#12", "h/t/1#12.txt"),
            ("https://h/a.jpg?x=0.tar#m", "h/a.txt"), ("a.tar#https://h/m.jpg", "a/https:/h/m.txt"),
        ])
    func mirrored(name: String, text: String) throws {
        try bench.submit("a", [JobImage(name: name, path: name)])
        try bench.answer(["A"])
        try bench.finish(.txt, to: "out") { $0.sidecar.existing = .overwrite }
        #expect(bench.read("out/" + text) == "A")
    }

    @Test("Long parts of addresses are shortened, and stay different")
    func longNames() throws {
        let start = "https://h/" + String(repeating: "ü", count: 300)
        for end in ["1", "2"] {
            try bench.submit(end, [JobImage(name: start + end + ".jpg", path: start + end + ".jpg")])
        }
        try bench.answer(["A", "B"])
        try bench.finish(.txt, to: "out") { $0.sidecar.existing = .overwrite }
        let names = try FileSystem.names(in: bench.path("out/h"))
        #expect(names.count == 2)
        #expect(names.allSatisfy { $0.hasSuffix(".txt") && $0.utf8.count <= 255 })
    }

    @Test("A remote picture or a member of a shard has no place without a folder")
    func needsFolder() throws {
        for name in ["https://h/a.jpg", "s3://b/a.jpg", "/data/0.tar#a.jpg"] {
            var plan = SidecarPlan(rules(.overwrite), folder: nil)
            let job = Job(id: "a", images: [JobImage(name: name, path: name)], prompt: "")
            let error = #expect(throws: SinkError.self) { try plan.decide(job) }
            #expect(error?.code == .badPlace)
        }
    }

    @Test("Pictures that would share a text are refused by name before anything is written")
    func collision() throws {
        for name in ["a.jpg", "a.png"] {
            try bench.write("x", to: name)
            try bench.submit(name, [bench.picture(name)])
        }
        var plan = SidecarPlan(rules(.append), folder: nil)
        func job(_ id: String, _ name: String) -> Job { Job(id: id, images: [bench.picture(name)], prompt: "") }
        #expect(try plan.decide(job("1", "a.jpg")) == .submit)
        #expect(try plan.decide(job("1", "a.jpg")) == .submit, "the same job")
        #expect(try plan.decide(job("2", "a.jpg")) == .submit, "a second question, which is appended")
        let error = #expect(throws: SinkError.self) { try plan.decide(job("3", "a.png")) }
        #expect(error?.code == .collision)
        #expect(error?.description.contains("a.png and a.jpg would share this text") == true)
        var overwriting = SidecarPlan(rules(.overwrite), folder: nil)
        _ = try overwriting.decide(job("1", "a.jpg"))
        #expect(throws: SinkError.self) { try overwriting.decide(job("2", "a.jpg")) }

        try bench.answer(["A", "B"])
        #expect(throws: SinkError.self) { try bench.sidecars(.overwrite).finish(from: bench.queue) }
        #expect(bench.read("a.txt") == nil)
    }

    @Test("A text cannot replace its picture")
    func replacesPicture() throws {
        try bench.write("x", to: "a.photo")
        try bench.submit("a", [bench.picture("a.photo")])
        try bench.answer(["A"])
        let error = #expect(throws: SinkError.self) {
            try bench.sidecars(.overwrite) { try $0.sidecar.setExtension(".photo") }.finish(from: bench.queue)
        }
        #expect(error?.code == .isInput)
        #expect(bench.read("a.photo") == "x")
    }

    @Test(
        "The extension of pictures, videos, shards or tables is refused for texts",
        arguments: [
            "jpg", ".JPG", ".png", "webp", "tif", "avif", "heic", "jxl", "svg", "psd", "mp4", ".mkv", "tar", ".tgz",
            "tar.gz",
            ".tar.zst", "zstd", "parquet", "csv", "tsv", "jsonl", "caption.jpeg",
        ])
    func takenExtension(text: String) throws {
        var rules = SidecarRules()
        let error = #expect(throws: SinkError.self) { try rules.setExtension(text) }
        #expect(error?.code == .badPlace)
        #expect(error?.description.contains("pictures, videos, shards or tables") == true)
        #expect(rules == SidecarRules())
        for fine in ["txt", ".caption", "json", "jpg.txt", "text"] { try rules.setExtension(fine) }
    }

    @Test(
        "A file that is no text in UTF-8 is neither replaced nor added to, and is refused before the work",
        arguments: [SidecarRules.Existing.overwrite, .append, .prepend],
        [[0xFF, 0xD8, 0xFF, 0xE0], [0x61, 0x00, 0x62], [0xC3], [0xFF, 0xFE, 0x61, 0x00]] as [[UInt8]])
    func noText(existing: SidecarRules.Existing, bytes: [UInt8]) throws {
        try NewFile.write(bytes, to: bench.path("a.txt"))
        let job = Job(id: "a", images: [bench.picture("a.png")], prompt: "")
        var plan = SidecarPlan(rules(existing), folder: nil)
        var error = #expect(throws: SinkError.self) { try plan.decide(job) }
        #expect(error?.code == .notText)
        try bench.submit(job.id, job.images)
        try bench.answer(["A"])
        error = #expect(throws: SinkError.self) { try bench.sidecars(existing).finish(from: bench.queue) }
        #expect(error?.code == .notText)
        #expect(error?.description.contains("a.txt: there is a file of this name that is no text in UTF-8") == true)
        #expect(FileSystem.contents(of: bench.path("a.txt")) == bytes)
        try bench.write("text", to: "a.txt")
        #expect(try plan.decide(job) == .submit)
        _ = try bench.sidecars(existing).finish(from: bench.queue)
        #expect(try #require(bench.read("a.txt")).contains("A"))
    }

    @Test("A name of 400,000 hash signs is none of a member, and has a place that file systems take")
    func manyHashes() throws {
        let hashes = String(repeating: "#", count: 400_000)
        #expect(ShardMember(hashes) == nil)
        #expect(ShardMember(hashes.prefix(60_000) + "a.tar#b#c")?.member == "b#c")
        try bench.submit("a", [JobImage(name: hashes, path: hashes)])
        try bench.submit("b", [JobImage(name: "https://h/" + hashes, path: "https://h/" + hashes)])
        try bench.answer(["A", "B"])
        try bench.finish(.txt, to: "out") { $0.sidecar.existing = .overwrite }
        let names = try FileSystem.names(in: bench.path("out"))
        #expect(names.count == 2 && names.contains("h.txt"))
        let report = try bench.finish(.webdataset, to: "shards")
        #expect(report.notes.count == 1 && report.notes[0].hasPrefix("2 jobs are about no picture of a tar shard"))
    }

    @Test("The report says where the texts went")
    func places() throws {
        try bench.submit("a", [bench.picture("a.jpg")])
        try bench.answer(["A"])
        #expect(try bench.sidecars(.overwrite).finish(from: bench.queue).notes == ["texts beside their pictures"])
        let folder = bench.path("out")
        #expect(try bench.finish(.txt, to: "out").notes == ["texts below \(folder)"])
    }

    @Test("The output names a folder of texts only with a slash at its end, whether the folder is there or not")
    func folderByName() throws {
        for _ in 0..<2 {
            let options = try SinkOptions(format: .txt, output: bench.path("captions"), folder: nil)
            #expect(options.place == .besidePictures)
            let folder = bench.path("captions/")
            #expect(try SinkOptions(format: .txt, output: folder, folder: nil).place == .folder(folder))
            #expect(
                try SinkOptions(format: .txt, output: bench.path("captions"), folder: "texts").place == .folder("texts")
            )
            try FileSystem.makeFolder(folder)
        }
    }

    @Test("With skip a text that is there makes no job, and is never changed")
    func skip() throws {
        try bench.write("mine", to: "a.txt")
        var plan = SidecarPlan(rules(.skip), folder: nil)
        let jobs = ["a", "b"].map { Job(id: $0, images: [bench.picture("\($0).jpg")], prompt: "") }
        #expect(try jobs.map { try plan.decide($0) } == [.skip, .submit])
        #expect(plan.skipped == 1)
        for job in jobs { try bench.submit(job.id, job.images) }
        try bench.answer(["A", "B"])
        let report = try bench.sidecars(.skip).finish(from: bench.queue)
        #expect(report.notes == ["texts beside their pictures", "1 text was there and stays as it is"])
        #expect(bench.read("a.txt") == "mine")
        #expect(bench.read("b.txt") == "B")
    }

    @Test("Failed jobs, empty answers and jobs without a picture are counted")
    func counted() throws {
        try bench.submit("a", [bench.picture("a.jpg")])
        try bench.submit("b", [bench.picture("b.jpg")])
        try bench.submit("c", [])
        try bench.answer([nil, "\n", "C"])
        let report = try bench.sidecars(.overwrite).finish(from: bench.queue)
        #expect(
            report.notes == [
                "texts beside their pictures", "1 job failed and has no text", "1 answer is empty and has no text",
                "1 job has no picture to write beside",
            ])
        #expect(report.isIncomplete)
    }

    @Test("Without a log no answer is added to a text")
    func logIsNeeded() throws {
        #expect(throws: SinkError.self) { try bench.sidecars(.append) { $0.sidecarLog = nil } }
        let first = try bench.sidecars(.append)
        let error = #expect(throws: SinkError.self) { try bench.sidecars(.append) }
        #expect(error?.code == .badLog, "a second process")
        withExtendedLifetime(first) {}
        try bench.write("something else\n", to: "log2")
        #expect(throws: SinkError.self) { try bench.sidecars(.append) { $0.sidecarLog = bench.path("log2") } }
        #expect(bench.read("log2") == "something else\n")
    }

    @Test("A text that was overwritten is not written again, unless it is gone or the answer is another")
    func overwriteOnce() throws {
        try bench.submit("a", [bench.picture("a.jpg")])
        try bench.answer(["A"])
        _ = try bench.sidecars(.overwrite).finish(from: bench.queue)
        try bench.write("edited", to: "a.txt")
        _ = try bench.sidecars(.overwrite).finish(from: bench.queue)
        #expect(bench.read("a.txt") == "edited")
        FileSystem.remove(bench.path("a.txt"))
        _ = try bench.sidecars(.overwrite).finish(from: bench.queue)
        #expect(bench.read("a.txt") == "A")
    }
}

/// What a process that was killed leaves, in every order that it can leave it in.
@Suite("Texts that are appended to, and kills", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct SidecarKillTests {
    private static let names = ["a", "b", "c"]

    private func makeBench() throws -> SinkBench {
        let bench = try SinkBench()
        for name in Self.names {
            try bench.write("old \(name)", to: "\(name).txt")
            try bench.submit(name, [bench.picture("\(name).jpg")])
            try bench.submit(name + "2", [bench.picture("\(name).jpg")], prompt: "ocr")
        }
        try bench.answer(["A", "A2", "B", "B2", "C", "C2"])
        return bench
    }

    private func texts(_ bench: SinkBench) -> [String?] { Self.names.map { bench.read("\($0).txt") } }

    private let whole = ["old a, A, A2", "old b, B, B2", "old c, C, C2"]

    @Test("An answer is appended once, however often the same is done")
    func once() throws {
        let bench = try makeBench()
        for _ in 0..<3 {
            _ = try bench.sidecars(.append).finish(from: bench.queue)
            #expect(texts(bench) == whole)
        }
    }

    @Test("A kill at any byte of the log, and between any two texts, leaves nothing torn, doubled or lost")
    func everyState() throws {
        let bench = try makeBench()
        _ = try bench.sidecars(.append).finish(from: bench.queue)
        let log = try #require(FileSystem.contents(of: bench.path("log")))
        // Each batch of the log with what the texts were before it.
        var states = Self.names.map { ["old \($0)"] }
        for (index, name) in Self.names.enumerated() {
            let upper = name.uppercased()
            states[index] += ["old \(name), \(upper)", "old \(name), \(upper), \(upper)2"]
        }
        var batches: [(start: Int, end: Int, keys: [String])] = []
        var (start, position, keys): (Int, Int, [String]) = ((log.firstIndex(of: 0x0A) ?? 0) + 1, 0, [])
        for line in log.split(separator: 0x0A) {
            if line.elementsEqual("=".utf8) {
                batches.append((start, position, keys))
                (start, keys) = (position, [])
            }
            if let path = line.split(separator: 0x20).last.map({ String(decoding: $0, as: UTF8.self) }),
                path.hasSuffix(".txt\"")
            {
                keys.append(String(path.dropLast(5).suffix(1)))
            }
            position += line.count + 1
        }
        #expect(batches.flatMap(\.keys).count == 6)
        for (number, batch) in batches.enumerated() {
            var done = Dictionary(uniqueKeysWithValues: Self.names.map { ($0, 0) })
            for earlier in batches[..<number] { for key in earlier.keys { done[key, default: 0] += 1 } }
            // Killed while the batch was noted: no text of it is written.
            var cuts = Array(stride(from: number == 0 ? 0 : batch.start, to: batch.end, by: 7)).map { ($0, 0) }
            // Killed behind so many of its texts.
            cuts += (0...batch.keys.count).map { (batch.end, $0) }
            for (cut, written) in cuts {
                var now = done
                for key in batch.keys.prefix(written) { now[key, default: 0] += 1 }
                for (index, name) in Self.names.enumerated() {
                    try bench.write(states[index][now[name] ?? 0], to: "\(name).txt")
                }
                try NewFile.write(log.prefix(cut), to: bench.path("log"))
                _ = try bench.sidecars(.append).finish(from: bench.queue)
                #expect(texts(bench) == whole, "batch \(number), \(cut) bytes of the log, \(written) texts written")
                _ = try bench.sidecars(.append).finish(from: bench.queue)
                #expect(texts(bench) == whole)
            }
        }
    }

    @Test("A text that somebody changed meanwhile is left alone, and named")
    func changedMeanwhile() throws {
        let bench = try makeBench()
        _ = try bench.sidecars(.append).finish(from: bench.queue)
        try bench.write("edited", to: "c.txt")
        #expect(try bench.sidecars(.append).finish(from: bench.queue).isIncomplete == false, "the work was whole")
        let log = try #require(FileSystem.contents(of: bench.path("log")))
        try NewFile.write(log.dropLast(2), to: bench.path("log"))
        let report = try bench.sidecars(.append).finish(from: bench.queue)
        #expect(bench.read("c.txt") == "edited")
        #expect(report.isIncomplete)
        #expect(report.notes.count == 2 && report.notes[1].contains("c.txt"))
    }
}
