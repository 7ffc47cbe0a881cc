import Archives
import Base
import Foundation
import Tables
import TestSupport
import Testing

/// Runs what docs/outputs.md shows.
@Suite("The examples of outputs", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct OutputExamplesTests {
    private func prepare(_ bench: CommandBench) throws {
        try bench.writePictures(3)
        try FileSystem.makeFolder(bench.path("shards"))
        let file = try NewFile(for: bench.path("shards/00000.tar"))
        let writer = TarWriter(descriptor: file.descriptor, name: "00000.tar")
        for key in ["a", "b"] { try writer.append(key + ".jpg", Array(key.utf8)) }
        try writer.finish()
        try file.commit()
        let ids = [391_895, 522_418, 184_613]
        let images = ids.enumerated().map { #"{"id":\#($1),"file_name":"00\#($0).jpg"}"# }
        try bench.write(
            #"{"images":[\#(images.joined(separator: ","))],"categories":[{"id":17,"name":"cat"}],"annotations":[]}"#,
            to: "instances.json")
    }

    /// Splits a command at spaces outside of quotation marks.
    private func words(_ command: String) -> [String] {
        var words = [""]
        var isQuoted = false
        for character in command {
            switch character {
            case "\"": isQuoted.toggle()
            case " " where !isQuoted: words.append("")
            default: words[words.count - 1].append(character)
            }
        }
        return words
    }

    @Test("Every example ends with 0 and gives what stands below it")
    func examples() throws {
        let bench = try CommandBench()
        try prepare(bench)
        var shown = 0
        for block in try ExampleDocument.blocks(of: "outputs.md") {
            if block.kind == "sh" {
                for line in block.lines {
                    let words = words(line)
                    try #require(words.first == "paligemma")
                    let outcome = try RunningCommand(bench, Array(words.dropFirst())).wait()
                    #expect(outcome.code == 0, "\(line)\n\(outcome.errors)")
                }
            } else {
                shown += 1
                try compare(block, bench)
            }
        }
        #expect(shown >= 8)
    }

    private func compare(_ block: ExampleDocument.Block, _ bench: CommandBench) throws {
        switch block.kind {
        case "text":
            let text = try bench.read(block.file).replacingOccurrences(of: "\r\n", with: "\n")
            #expect(text.split(separator: "\n").map(String.init) == block.lines, "\(block.file)")
        case "json":
            let first = try #require(try bench.read(block.file).split(separator: "\n").first)
            #expect(normalized(String(first)) == normalized(block.lines.joined()), "\(block.file)")
        case "columns":
            let file = try ParquetFile(path: bench.path(block.file))
            #expect(file.columns.map { $0.path[0] } == block.lines[0].split(separator: " ").map(String.init))
            #expect(file.rowCount == 3)
        case "members":
            let reader = try TarReader(FileSource(path: bench.path(block.file)), name: block.file)
            var names: [String] = []
            while let member = try reader.next() { names.append(member.name) }
            #expect(names == block.lines[0].split(separator: " ").map(String.init))
        default: Issue.record("a block of unknown kind: \(block.kind)")
        }
    }

    /// A JSON text without what may differ: long hashes are cut, 0.0 is 0.
    private func normalized(_ text: String) -> String {
        guard let json = try? JSON(parsing: text) else { return text }
        var writer = JSONWriter()
        writer.value(json)
        return String(decoding: writer.bytes, as: UTF8.self)
            .replacing(/(batch_req_|req_|chatcmpl-)([0-9a-f]{6})[0-9a-f]*/) { "\($0.output.1)\($0.output.2)" }
            .replacing(":0.0,", with: ":0,")
    }
}
