import Archives
import Base
import Foundation
import JobSources
import Pictures
import Queue
import Tables
import TestSupport
import Testing

/// Jobs from lists, tables and shards.
@Suite("Sources of jobs") struct SourceTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func template(_ prompt: String? = "caption en", _ change: (inout JobTemplate) -> Void = { _ in }) throws
        -> JobTemplate
    {
        var template = try JobTemplate(prompt: prompt)
        change(&template)
        return template
    }

    private func read(_ source: any JobSource) throws -> [Job] {
        var jobs: [Job] = []
        while let job = try source.next() { jobs.append(job) }
        return jobs
    }

    private func jobs(
        _ name: String, _ template: JobTemplate, _ change: (inout SourceName.Reading) -> Void = { _ in }
    ) throws -> [Job] {
        var reading = SourceName.Reading()
        change(&reading)
        return try read(SourceName(guessing: folder.file(name)).opened(template, reading))
    }

    // MARK: Files and lists

    @Test("Files whose names are not UTF-8 are jobs with ids of their own, also below such folders and with line feeds")
    func bytesInNames() throws {
        let names: [[UInt8]] = [
            Array("caf".utf8) + [0xE9] + Array(".png".utf8), Array("caf".utf8) + [0xE8] + Array(".png".utf8),
            Array("a\nb.jpg".utf8),
            Array("café.png".utf8), Array("cafe\u{301}.png".utf8),
        ]
        let deep = folder.file("pictures/") + SystemText.text([0xFF])
        try FileSystem.makeFolder(deep)
        for name in names { try NewFile.write([1], to: deep + "/" + SystemText.text(name)) }
        let jobs = try jobs("pictures", template())
        #expect(Set(jobs.map { SystemText.bytes(of: $0.id.lastPathPart) }) == Set(names))
        #expect(jobs.allSatisfy { $0.images[0].size == 1 && $0.fault == nil })
        #expect(Set(jobs.map { ExactText($0.id) }).count == names.count)
        for job in jobs { #expect(FileSystem.contents(of: job.images[0].path) == [1]) }
    }

    @Test("What folders hold beside pictures is counted by extension, and content decides where that is asked for")
    func passedOver() throws {
        let png = try PNGWriter.encode(RGBImage(width: 1, height: 1, pixels: [1, 2, 3]))
        for name in ["a.jfif", "b.JPE", "c.apng", "d.pjpeg", "e.gif", "f.txt", "g"] {
            try folder.write("x", to: "p/" + name)
        }
        try NewFile.write(png, to: folder.file("p/picture"))
        let source = try SourceName(guessing: folder.file("p")).opened(template(), .init())
        #expect(try read(source).map(\.id.lastPathPart) == ["a.jfif", "b.JPE", "c.apng", "d.pjpeg", "e.gif"])
        #expect(source.notes.first?.contains("3 files passed over (without an extension 2, .txt 1)") == true)
        let all = try jobs("p", template()) { $0.looksInside = true }
        #expect(all.map(\.id.lastPathPart) == ["a.jfif", "b.JPE", "c.apng", "d.pjpeg", "e.gif", "picture"])
    }

    @Test("A list names files and folders, by lines or by NULs, and keeps their bytes")
    func lists() throws {
        try folder.write("x", to: "d/x.png")
        try folder.write("\(folder.path)/a.png\r\n\n\(folder.path)/d\nhttps://example.org/b.jpg?s=1\n", to: "names")
        var reading = SourceName.Reading()
        let lines = try read(try #require(SourceName("list:" + folder.file("names"))).opened(template(), reading))
        #expect(lines.map(\.id) == [folder.file("a.png"), folder.file("d/x.png"), "https://example.org/b.jpg?s=1"])
        let raw = Array((folder.path + "/caf").utf8) + [0xE9, 0x0A, 0x00] + Array("x.png".utf8)
        try NewFile.write(raw, to: folder.file("nul"))
        reading.endsWithNUL = true
        let names = try read(try #require(SourceName("list:" + folder.file("nul"))).opened(template(), reading))
        #expect(names.map { SystemText.bytes(of: $0.id).last } == [0x0A, UInt8(ascii: "g")])
    }

    @Test("A pattern gives its files in order, and a name with the same characters is taken as it is")
    func patterns() throws {
        for name in ["b1.png", "b2.png", "c.png", "b[1].png"] { try folder.write("x", to: name) }
        #expect(try jobs("b?.png", template()).map(\.id.lastPathPart) == ["b1.png", "b2.png"])
        #expect(try jobs("b[1].png", template()).map(\.id.lastPathPart) == ["b[1].png"])
    }

    @Test("A template makes prompts and ids of what a row has, and a row without it is a job that failed by name")
    func templates() throws {
        let rows = """
            {"image": "x.png", "question": "why?", "key": 7, "n": [1]}
            {"image": "x.png", "question": null, "key": 8}
            {"image": "x.png", "question": "ü", "key": "k"}
            """
        try folder.write(rows, to: "q.jsonl")
        let jobs = try jobs("q.jsonl", template("answer {{en}} {question}") { $0.id = try? TextTemplate("{key}/a") })
        #expect(jobs.map(\.prompt) == ["answer {en} why?", "", "answer {en} ü"])
        #expect([jobs[0].id, jobs[2].id] == ["7/a", "k/a"])
        #expect(jobs[1].fault?.message.contains("the row has no \"question\"") == true)
        #expect(jobs[0].carried == #"{"question":"why?","key":7,"n":[1]}"#)
        for bad in ["{", "a}b", "{}", "{a{b}}"] { #expect(throws: TemplateError.self) { try TextTemplate(bad) } }
        let named = try self.jobs("x.png", template("caption {stem} of {folder}"))
        #expect(named.map(\.prompt) == ["caption x of \(folder.path)"])
    }

    @Test("Numeric ids are ids, unknown keys come back, and null is as good as missing")
    func rows() throws {
        try folder.write(
            #"{"file_name": "x.png", "id": 12, "prompt": null, "url": "u", "similarity": 0.30}"#, to: "a.jsonl")
        let source = try SourceName(guessing: folder.file("a.jsonl")).opened(template(), .init())
        let job = try #require(try source.next())
        #expect(job.id == "12" && job.prompt == "caption en" && job.carried == #"{"url":"u","similarity":0.30}"#)
        #expect(source.notes == ["carried through to the results: url, similarity"])
        #expect(try jobs("a.jsonl", template { $0.carried = .none }).first?.carried == nil)
        #expect(try jobs("a.jsonl", template { $0.carried = .named(["url"]) }).first?.carried == #"{"url":"u"}"#)
    }

    @Test("A file in UTF-16 is refused with what to do")
    func utf16() throws {
        try NewFile.write([0xFF, 0xFE, 0x7B, 0x00], to: folder.file("w.jsonl"))
        #expect { try jobs("w.jsonl", template()) } throws: { "\($0)".contains("iconv -f UTF-16 -t UTF-8") }
    }

    @Test("Pictures are verified by what was asked for", arguments: PictureVerification.allCases)
    func verification(kind: PictureVerification) throws {
        try folder.write("abc", to: "x.png")
        let image = try #require(try jobs("x.png", template { $0.verification = kind }).first?.images.first)
        #expect((image.size != nil) == (kind != .none))
        #expect((image.modified != nil) == (kind == .time))
        #expect((image.contentHash != nil) == (kind == .content))
    }

    // MARK: Tables

    @Test("A CSV file gives a job a row, with quotes, breaks and columns of one's own")
    func csv() throws {
        let text = "id,image,prompt,seed\r\n1,a.png,\"say \"\"hi\"\",\nnow\",3\r\n2,b.png,,\r\n3,c.png\r\n4,,x,\r\n"
        try folder.write(text, to: "t.csv")
        let jobs = try jobs("t.csv", template())
        #expect(jobs.map(\.prompt) == ["say \"hi\",\nnow", "caption en", "", ""])
        #expect(jobs[0].id == "1" && jobs[0].images.map(\.path) == [folder.file("a.png")] && jobs[0].options == "{}")
        #expect(jobs[0].carried == #"{"seed":"3"}"#)
        #expect(jobs[2].fault?.message.contains("row 3 (line 5): the row has 2 fields, but the header has 4") == true)
        #expect(jobs[3].fault?.message.contains("\"images\" is missing") == true)
    }

    @Test("Columns are named by flags, with a header by name and without by number")
    func namedColumns() throws {
        try folder.write("a caption\thttps://example.org/a.jpg\n", to: "cc.tsv")
        let jobs = try jobs("cc.tsv", template { $0.columns = [ExactText("image"): "2"] }) { $0.hasHeader = false }
        #expect(jobs.map(\.images[0].path) == ["https://example.org/a.jpg"] && jobs[0].carried == #"{"1":"a caption"}"#)
        try folder.write("pic,t,q\nx.png,0.5,what\n", to: "n.csv")
        let named = try self.jobs(
            "n.csv",
            template {
                $0.columns = [ExactText("image"): "pic", ExactText("temperature"): "t", ExactText("prompt"): "q"]
            })
        #expect(named.map(\.prompt) == ["what"] && named[0].options.contains("0.5") && named[0].fault == nil)
        #expect { try self.jobs("n.csv", template()) } throws: { "\($0)".contains("--columns image=NAME") }
        #expect {
            try self.jobs("n.csv", template { $0.columns = [ExactText("image"): "none"] })
        } throws: { "\($0)".contains("there is no column \"none\"; there are pic, t, q") }
    }

    @Test("Parquet files give pictures in cells or by name, and all other columns")
    func parquet() throws {
        let path = folder.file("p.parquet")
        let file = try NewFile(for: path)
        let writer = try ParquetWriter(
            descriptor: file.descriptor, name: path,
            columns: [
                .init("jpg", .binary), .init("key", .string), .init("width", .int64), .init("caption", .string),
            ])
        for row in 0..<3 {
            try writer.append([
                .bytes([UInt8(row)]), .text("k\(row)"), .integer(Int64(row)), row == 1 ? .null : .text("c"),
            ])
        }
        try writer.finish()
        try file.commit()
        let source = try SourceName(guessing: path).opened(
            template {
                $0.columns = [ExactText("id"): "key"]
                $0.carried = .named(["caption", "width"])
            }, .init())
        let jobs = try read(source)
        #expect(jobs.map(\.id) == ["k0", "k1", "k2"])
        #expect(jobs.map(\.images[0].part) == (0..<3).map { .cell(column: "jpg", row: $0) })
        #expect(jobs.map(\.carried) == [0, 1, 2].map { #"{"width":\#($0),"caption":\#($0 == 1 ? "null" : "\"c\"")}"# })
        #expect(source.notes.contains("the pictures are the bytes in the column jpg"))
        let standard = try self.jobs("p.parquet", template())
        #expect(standard[2].id == path + "#2" && standard[2].images[0].name == path + "#2")
    }

    // MARK: Shards

    @Test("A shard gives a job a sample, whose picture lies in the shard, with texts and keys as its columns")
    func shards() throws {
        func tar(_ name: String, _ members: [(String, String)]) throws {
            let file = try NewFile(for: folder.file(name))
            let writer = TarWriter(descriptor: file.descriptor, name: name)
            for (member, text) in members { try writer.append(member, Array(text.utf8)) }
            try writer.finish()
            try file.commit()
        }
        try tar(
            "s-000.tar",
            [
                ("0001.txt", "what is it?\n"), ("0001.JPG", "picture"), ("0001.json", #"{"url": "u"}"#),
                ("0002.cls", "3"), ("noext", ""),
            ])
        try tar("s-001.tar", [("0003.png", "p3"), ("0003.txt", "who?")])
        let source = try SourceName(guessing: folder.file("s-{000..001}.tar")).opened(
            template("answer en {txt}"), .init())
        let jobs = try read(source)
        #expect(
            jobs.map(\.id) == ["0001", "0003"] && jobs.map(\.prompt) == ["answer en what is it?", "answer en who?"])
        #expect(jobs[0].carried == #"{"__key__":"0001","txt":"what is it?","url":"u"}"#)
        #expect(jobs[0].images[0].name == folder.file("s-000.tar") + "#0001.JPG")
        let bytes = try FileBytes(path: folder.file("s-000.tar")).bytes
        guard case .range(let offset, let count)? = jobs[0].images[0].part else { throw CancellationError() }
        #expect(String(decoding: bytes[Int(offset)..<Int(offset + count)], as: UTF8.self) == "picture")
        #expect(source.notes.contains { $0.contains("1 sample without a picture") })
        #expect(try self.jobs("s-*.tar", template()).count == 2)
        #expect { try self.jobs("missing-{0..1}.tar", template()) } throws: { "\($0)".contains("missing-0.tar") }
    }
}
