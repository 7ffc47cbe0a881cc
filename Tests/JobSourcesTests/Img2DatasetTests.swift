import Base
import JobSources
import Queue
import Tables
import TestSupport
import Testing

@Suite("Jobs from folders that img2dataset wrote") struct Img2DatasetTests {
    let bench: SourceBench

    init() throws { bench = try SourceBench() }

    private func read(_ change: (inout JobTemplate) -> Void = { _ in }) throws -> SourceBench.Outcome {
        try bench.read("img2dataset:" + bench.folder.file("out/"), bench.template("caption of {caption}", change))
    }

    private func statistics(_ shard: String, successes: Int, failed: Int = 0, resize: Int = 0) throws {
        try bench.folder.write(
            #"{"count":\#(successes + failed + resize),"successes":\#(successes),"failed_to_download":\#(failed),"#
                + #""failed_to_resize":\#(resize),"duration":1.5,"status_dict":{}}"#, to: "out/\(shard)_stats.json")
    }

    private func json(_ key: String) -> String {
        #"{"url":"u\#(key)","caption":"c\#(key)","key":"\#(key)","status":"success"}"#
    }

    @Test("Tar shards give their samples, and shards that are not finished are passed over unless they have their end")
    func archives() throws {
        func shard(_ name: String, _ keys: [String], cut: Bool = false) throws {
            let bytes = try bench.tar(
                keys.flatMap { [("\($0).jpg", "x"), ("\($0).json", json($0)), ("\($0).txt", "c\($0)")] })
            try bench.write(cut ? Array(bytes.dropLast(1024)) : bytes, to: "out/\(name).tar")
        }
        try shard("00000", ["000000000", "000000002"])
        try statistics("00000", successes: 2, failed: 3, resize: 1)
        try shard("00001", ["000010000"])
        try shard("00002", ["000020000"], cut: true)
        try statistics("00003", successes: 0, failed: 5)
        try bench.folder.write("x", to: "out/00000.parquet")
        try bench.folder.write("x", to: "out/notes.md")
        let outcome = try read { $0.carried = .named(["url"]) }
        #expect(outcome.jobs.map(\.id) == ["000000000", "000000002", "000010000"])
        #expect(
            outcome.jobs[0].prompt == "caption of c000000000" && outcome.jobs[0].carried == #"{"url":"u000000000"}"#)
        let notes = outcome.notes.joined(separator: "\n")
        #expect(notes.contains("could not download 8 pictures and could not resize 1"))
        #expect(notes.contains("passed over shard 00002, which img2dataset has not finished"))
        #expect(notes.contains("taken without statistics, as the archives are complete: shard 00001"))
        #expect(notes.contains("passed over 1 other file or folder"))
    }

    @Test("Folders of files give their pictures with what lies beside them")
    func files() throws {
        for key in ["000000000", "000000001"] {
            try bench.folder.write("x", to: "out/00000/\(key).webp")
            try bench.folder.write(json(key), to: "out/00000/\(key).json")
        }
        try bench.folder.write("ccc", to: "out/00000/000000001.txt")
        try bench.folder.write("y", to: "out/00001/000010000.webp")
        try statistics("00000", successes: 2)
        let outcome = try read { $0.folder = "elsewhere" }
        #expect(outcome.jobs.map(\.id) == ["000000000", "000000001"])
        #expect(outcome.jobs[1].carried?.contains(#""txt":"ccc","url":"u000000001""#) == true)
        #expect(outcome.jobs.allSatisfy { FileSystem.contents(of: $0.images[0].path) == [0x78] })
        #expect(outcome.notes.contains { $0.contains("passed over shard 00001") })
    }

    @Test("Parquet shards give the rows that were downloaded, each with its cell")
    func tables() throws {
        let bytes = try bench.parquet(
            [
                .init("url", .string), .init("caption", .string), .init("key", .string), .init("status", .string),
                .init("jpg", .binary),
            ],
            [
                [.text("u"), .text("one"), .text("000000000"), .text("success"), .bytes([1])],
                [.text("u"), .text("two"), .text("000000001"), .text("failed_to_download"), .null],
                [.text("u"), .null, .text("000000002"), .text("success"), .bytes([3])],
            ])
        try bench.write(bytes, to: "out/00000.parquet")
        try statistics("00000", successes: 2, failed: 1)
        let outcome = try read { $0.carried = .named(["caption"]) }
        #expect(
            outcome.jobs.count == 2 && outcome.jobs[0].id == "000000000" && outcome.jobs[0].prompt == "caption of one")
        #expect(outcome.jobs[0].carried == #"{"caption":"one"}"#)
        #expect(outcome.faults[1].contains("row 2") && outcome.faults[1].contains("caption"))
        #expect(outcome.notes.contains { $0.contains("could not download 1 picture and") })
    }

    @Test("What is no such folder, or lacks what its statistics count, is an error that says so")
    func refused() throws {
        let path = "img2dataset:" + bench.folder.file("out")
        #expect(try bench.refusal(path).contains("name the folder that img2dataset wrote"))
        try bench.folder.write("x", to: "out/readme.txt")
        #expect(try bench.refusal(path).contains("no shard of img2dataset"))
        #expect(try bench.refusal(path + "/readme.txt").contains("readme.txt"))
        try statistics("00000", successes: 4)
        #expect(try bench.refusal(path).contains("its statistics count 4 pictures"))
        try bench.folder.write("x", to: "out/00000.tfrecord")
        #expect(try bench.refusal(path).contains("tfrecord is not read"))
        FileSystem.remove(bench.folder.file("out/00000.tfrecord"))
        try bench.write(
            try bench.parquet([.init("url", .string), .init("key", .string)], [[.text("u"), .text("k")]]),
            to: "out/00000.parquet")
        #expect(try bench.refusal(path).contains("holds no pictures"))
        try bench.folder.write("not a table", to: "out/00000.parquet")
        #expect(try bench.refusal(path).contains("00000.parquet"))
        try bench.folder.write("", to: "out/00000_stats.json")
        let outcome = try bench.read(path)
        #expect(outcome.jobs.isEmpty && outcome.notes.contains { $0.contains("passed over shard 00000") })
    }
}
