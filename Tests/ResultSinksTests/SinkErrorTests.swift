import Base
import Foundation
import Queue
import ResultSinks
import TestSupport
import Testing

@Suite("Outputs that cannot be written", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct SinkErrorTests {
    let bench: SinkBench

    init() throws {
        bench = try SinkBench()
        try bench.submit("a", [bench.picture("a.jpg")])
        try bench.answer(["A"])
    }

    private func code(_ body: () throws -> Void) -> SinkError.Code? {
        do { try body() } catch { return (error as? SinkError)?.code }
        return nil
    }

    @Test("A full disk is an error that says so, and that no result is lost")
    func fullDisk() throws {
        let descriptor = open("/dev/full", O_WRONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let writer = OutputWriter(path: "out.jsonl", emptyFile: descriptor, of: nil)
        try writer.append(line: Array("{}".utf8))
        let error = #expect(throws: SinkError.self) { try writer.flush() }
        #expect(error?.code == .diskFull)
        #expect(error?.description.contains("cannot write out.jsonl: no space left; no result is lost") == true)
        for format in [ResultFormat.jsonl, .csv, .parquet, .cocoCaptions] {
            let error = #expect(throws: SinkError.self) {
                try makeSink(SinkOptions(format: format, output: "/dev/full", folder: nil)).finish(from: bench.queue)
            }
            #expect(error?.code == .diskFull, "\(format)")
        }
    }

    @Test("A folder that is not there is named", arguments: [ResultFormat.jsonl, .csv, .parquet, .coco])
    func missingFolder(format: ResultFormat) throws {
        let error = #expect(throws: SinkError.self) { try bench.finish(format, to: "none/out") }
        #expect(error?.code == .missingFolder)
        #expect(error?.description.contains("the folder \(bench.path("none")) is not there") == true)
    }

    @Test(
        "A place where nobody may write is an error that names the permissions",
        .enabled(if: FileSystem.isFolder("/sys/kernel")))
    func notPermitted() throws {
        let options = try SinkOptions(format: .csv, output: "/sys/kernel/out.csv", folder: nil)
        #expect(code { _ = try makeSink(options).finish(from: bench.queue) } == .notPermitted)
    }

    @Test("A folder in the place of the output is refused, a file in the place of a folder too")
    func kinds() throws {
        try FileSystem.makeFolder(bench.path("folder"))
        #expect(code { try bench.finish(.csv, to: "folder") } == .badPlace)
        try bench.write("x", to: "file")
        #expect(code { try bench.finish(.csv, to: "file/out.csv") } == .missingFolder)
        #expect(code { try bench.finish(.csv, to: String(repeating: "n", count: 300)) } == .badName)
        #expect(code { _ = try SinkOptions(format: .webdataset, output: bench.path("file"), folder: nil) } == .badPlace)
    }

    @Test("The format follows the name of the output where none is given")
    func byName() throws {
        func format(_ output: String?, _ folder: String? = nil) throws -> ResultFormat {
            try SinkOptions(format: nil, output: output, folder: folder).format
        }
        #expect(try format("a.csv") == .csv)
        #expect(try format("a.TSV") == .tsv)
        #expect(try format("a.parquet") == .parquet)
        #expect(try format("a.jsonl") == .jsonl)
        #expect(try format(nil) == .jsonl)
        #expect(try format("texts/") == .txt)
        #expect(try format(nil, "texts") == .txt)
        #expect(try format(bench.folder) == .txt)
        #expect(code { _ = try SinkOptions(format: .csv, output: "texts/", folder: nil) } == .badPlace)
    }

    @Test("An output that is an input is refused, also by another name")
    func isInput() throws {
        try bench.write("{}", to: "jobs.jsonl")
        #expect(link(bench.path("jobs.jsonl"), bench.path("other.jsonl")) == 0)
        let options = try SinkOptions(format: .jsonl, output: bench.path("other.jsonl"), folder: nil)
        #expect(code { try options.check(inputs: ["none", bench.path("jobs.jsonl")]) } == .isInput)
        #expect(code { try options.check(inputs: ["none"]) } == nil)
    }

    @Test("A file that was there stays as it was where the new one cannot be written")
    func keepsOld() throws {
        try bench.write("old", to: "out.csv")
        try bench.submit(
            "b", [bench.picture("b.jpg")], carried: "{\((0...600).map { "\"c\($0)\":1" }.joined(separator: ","))}")
        try bench.answer(["B"])
        #expect(code { try bench.finish(.csv, to: "out.csv") } == .tooManyColumns)
        #expect(bench.read("out.csv") == "old")
        let hidden = try FileSystem.names(in: bench.folder).filter { $0.hasPrefix(".") }
        #expect(hidden.isEmpty)
    }
}
