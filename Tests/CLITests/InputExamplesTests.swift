import Archives
import Base
import Foundation
import Queue
import Tables
import TestSupport
import Testing

/// Runs what docs/inputs.md shows.
@Suite("The examples of inputs", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct InputExamplesTests {
    private func prepare(_ bench: CommandBench) throws {
        try bench.writePictures(2)
        try bench.write("x", to: "scans/a.tif")
        try writeShard("shards/00000.tar", [("a.jpg", "a"), ("a.txt", "what?")], bench)
        try writeShard("shards/00001.tar", [("a.jpg", "b"), ("a.txt", "who?")], bench)
        try bench.write(#"{"successes":2,"failed_to_download":1,"failed_to_resize":0}"#, to: "dataset/00000_stats.json")
        try writeShard(
            "dataset/00000.tar",
            [("000000000", "cat"), ("000000002", "dog")].flatMap { key, name in
                [(key + ".jpg", name), (key + ".json", #"{"caption":"a \#(name)","url":"https://h/\#(key)"}"#)]
            }, bench)
        let file = try NewFile(for: bench.path("table.parquet"))
        let writer = try ParquetWriter(
            descriptor: file.descriptor, name: "table.parquet", columns: [.init("key", .string), .init("jpg", .binary)])
        for number in 0..<2 { try writer.append([.text("k\(number)"), .bytes([UInt8(number)])]) }
        try writer.finish()
        try file.commit()
    }

    private func writeShard(_ name: String, _ members: [(String, String)], _ bench: CommandBench) throws {
        try bench.write("", to: name)
        let file = try NewFile(for: bench.path(name))
        let writer = TarWriter(descriptor: file.descriptor, name: name)
        for (member, text) in members { try writer.append(member, Array(text.utf8)) }
        try writer.finish()
        try file.commit()
    }

    @Test("Every example ends with 0 and puts the jobs into the queue that stand below it")
    func examples() throws {
        let bench = try CommandBench()
        try prepare(bench)
        var queues = 0
        for block in try ExampleDocument.blocks(of: "inputs.md") {
            switch block.kind {
            case "input":
                // A line that begins with a space goes on with the one before it.
                try bench.write(block.lines.joined(separator: "\n").replacing("\n ", with: " "), to: block.file)
            case "sh": for line in block.lines { try run(line, bench) }
            case "jobs":
                queues += 1
                let queue = try openQueue(bench.path(block.file))
                let jobs = try queue.lease(limit: 100, for: .seconds(60), owner: "test").map(\.job)
                #expect(jobs.map { "\($0.id): \($0.prompt)" } == block.lines, "\(block.file)")
            default: Issue.record("a block of unknown kind: \(block.kind)")
            }
        }
        #expect(queues == 8)
    }

    private func run(_ line: String, _ bench: CommandBench) throws {
        let (output, errors) = (bench.path("shell-output"), bench.path("shell-errors"))
        var environment = BackgroundProgram.plainEnvironment
        environment["PATH"] = bench.path("bin") + ":/usr/bin:/bin"
        let shell = try BackgroundProgram(
            "/bin/sh", ["-c", line], environment: environment, directory: bench.folder, output: output, errors: errors)
        #expect(shell.wait() == 0, "\(line)\n\(shell.errors)")
    }
}
