import Archives
import Base
import Foundation
import PaliGemma
import TestSupport
import Testing

/// What worlds do with pictures that come in other ways than as files in a folder.
@Suite("Pictures from everywhere, in real worlds", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct InputWorldTests {
    private static let pictures = ExampleInputs.pictures

    private func names() throws -> [String] { try ExampleInputs.names() }

    private func answers(
        _ arguments: [String], ranks: Int = 1, worker: [String] = [], status: Int32 = 0
    ) throws -> [ReferenceAnswers.ResultLine] {
        try ExampleInputs.answers(arguments, ranks: ranks, worker: worker, status: status)
    }

    @Test(
        "Pictures in a tar shard and in a parquet file get the answers of the same pictures as files",
        arguments: [1, 3])
    func shardsAndTables(ranks: Int) throws {
        let names = try names()
        let folder = try TemporaryFolder()
        try ExampleInputs.writeShardAndTable(to: folder)
        let files = try answers(names.map { Self.pictures + "/" + $0 }, ranks: ranks)
        let shards = try answers([folder.file("s.tar")], ranks: ranks)
        let rows = try answers([folder.file("t.parquet")], ranks: ranks)
        #expect(files.count == names.count && files.allSatisfy { $0.error == nil })
        #expect(shards.map(\.tokens) == files.map(\.tokens) && rows.map(\.tokens) == files.map(\.tokens))
        #expect(
            shards.map(\.id) == names.indices.map { "\(1000 + $0)" }
                && rows.map(\.id) == names.indices.map { "row \($0)" })
        // The same as a stream that is compressed, whose pictures travel in the queue.
        let zipped = try Programs.run("sh", ["-c", "gzip -c '\(folder.file("s.tar"))' > '\(folder.file("z.tar.gz"))'"])
        #expect(zipped.status == 0)
        #expect(try answers([folder.file("z.tar.gz")], ranks: ranks).map(\.tokens) == files.map(\.tokens))
    }

    @Test("A shard or a table that changed after it was submitted fails its jobs, and is never read at a wrong place")
    func changedShard() throws {
        let folder = try TemporaryFolder()
        let shard = try NewFile(for: folder.file("s.tar"))
        let tar = TarWriter(descriptor: shard.descriptor, name: "s.tar")
        for name in try names().prefix(2) { try tar.append(name, FileBytes(path: Self.pictures + "/" + name).bytes) }
        try tar.finish()
        try shard.commit()
        let queue = try TestQueue()
        try queue.submit(["--prompt", "caption en", folder.file("s.tar")])
        try NewFile.write([UInt8](repeating: 0, count: 4096), to: folder.file("s.tar"))
        _ = try queue.work(ranks: 1, model: ExampleInputs.model)
        #expect(try queue.results().map(\.error?.code) == ["changed", "changed"])
    }

    @Test("Files whose names are not UTF-8 are answered under ids of their own")
    func bytesInNames() throws {
        let folder = try TemporaryFolder()
        let picture = try FileBytes(path: Self.pictures + "/" + (try #require(names().first))).bytes
        let deep = folder.file("p/") + SystemText.text([0xFE, 0xFF])
        try FileSystem.makeFolder(deep)
        let files: [[UInt8]] = [
            [0x61, 0xE9], [0x61, 0xE8], Array("a\nb".utf8), Array("é".utf8), Array("e\u{301}".utf8),
        ]
        for name in files { try NewFile.write(picture, to: deep + "/" + SystemText.text(name + Array(".png".utf8))) }
        let results = try answers([folder.file("p")])
        #expect(Set(results.map { ExactText($0.id) }).count == files.count)
        #expect(results.allSatisfy { $0.error == nil } && Set(results.map(\.tokens)).count == 1)
        #expect(
            Set(results.map { SystemText.bytes(of: $0.id.lastPathPart).dropLast(4) }.map(Array.init)) == Set(files))
    }

    @Test("A date of a file beyond the year 2262 is like any other")
    func lateDate() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("late.png")
        try NewFile.write(try FileBytes(path: Self.pictures + "/" + (try #require(names().first))).bytes, to: path)
        #expect(try Programs.run("touch", ["-d", "@9223372037", path]).status == 0)
        #expect(try answers([path]).map(\.error?.code) == [nil])
    }

    @Test("Files outside of --picture-root are refused in the same words, whether they are there or not")
    func pictureRoot() throws {
        let folder = try TemporaryFolder()
        let inside = folder.file("in/a.png")
        try FileSystem.makeFolder(folder.file("in"))
        try NewFile.write(try FileBytes(path: Self.pictures + "/" + (try #require(names().first))).bytes, to: inside)
        for (link, target) in [("etc", "/etc"), ("there", "/etc/passwd"), ("none", "/etc/none"), ("b", "a.png")] {
            #expect(symlink(target, folder.file("in/" + link)) == 0)
        }
        try ExampleInputs.writeShardAndTable(to: folder)
        let (shard, table) = (folder.file("s.tar"), folder.file("t.parquet"))
        let paths =
            [inside, "/etc/passwd", "/etc/none", folder.file("in/../../x.png")]
            + ["etc/passwd", "etc/none", "there", "none", "b"].map { folder.file("in/") + $0 }
        let results = try answers(paths, worker: ["--picture-root", folder.file("in")], status: 1)
        let refused = "not_permitted"
        #expect(results.map(\.error?.code) == [nil] + Array(repeating: refused, count: 7) + [nil])
        // The same for parts of files.
        let parts = try answers([shard, table], worker: ["--picture-root", folder.file("in")], status: 1)
        #expect(parts.count == 2 * (try names().count) && parts.allSatisfy { $0.error?.code == refused })
        let messages = zip(results, paths).map { $0.error?.message.replacing($1, with: "") }
        #expect(Set(messages.dropFirst().dropLast()).count == 1)
    }

    @Test("A damaged picture fails, and with --lenient is answered and marked")
    func lenient() throws {
        let folder = try TemporaryFolder()
        let picture = try #require(try names().first { $0.hasSuffix(".jpg") })
        let bytes = try FileBytes(path: Self.pictures + "/" + picture).bytes
        try NewFile.write(bytes.prefix(bytes.count * 3 / 4), to: folder.file("cut.jpg"))
        #expect(try answers([folder.file("cut.jpg")], status: 1).map(\.error?.code) == ["truncated"])
        let queue = try TestQueue()
        try queue.submit(["--prompt", "caption en", folder.file("cut.jpg")])
        #expect(try queue.work(ranks: 1, model: ExampleInputs.model, ["--lenient"]).status == 0)
        let lines = try Programs.run(Programs.paligemma, ["results", "--queue", queue.path])
        #expect(lines.output.contains(#""damaged":true"#))
    }

    @Test(
        "A picture on a server that refuses connections is tried again, and the world waits for that and fails it by name"
    )
    func unreachableServer() throws {
        // Nobody listens on the discard port of the loopback.
        let results = try answers(
            ["http://127.0.0.1:9/x.jpg", Self.pictures + "/" + (try #require(names().first))], status: 1)
        #expect(results.map(\.error?.code) == ["connection", nil])
        let queue = try TestQueue()
        try queue.submit(["--prompt", "caption en"] + (0..<3).map { "http://127.0.0.1:9/\($0).jpg" })
        let outcome = try queue.work(ranks: 1, model: ExampleInputs.model)
        // Once, not for each picture and each try.
        #expect(outcome.errors.split(separator: "127.0.0.1:9 is tried again").count == 2, "\(outcome.errors)")
        #expect(try queue.results().map(\.error?.code) == ["connection", "connection", "connection"])
        let blocked = try answers(["http://127.0.0.1:9/x.jpg"], worker: ["--block-private"], status: 1)
        #expect(blocked.map(\.error?.code) == ["private_address"])
    }

    @Test("Workers that decode pictures differently do not share a queue")
    func decodingOptions() throws {
        let queue = try TestQueue()
        try queue.submit(["--prompt", "caption en", Self.pictures])
        #expect(try queue.work(ranks: 1, model: ExampleInputs.model, ["--fast-decode"]).status == 0)
        let other = try queue.work(ranks: 1, model: ExampleInputs.model)
        #expect(other.status == 5 && other.errors.contains("fast-decode"), "\(other.errors)")
        #expect(try queue.work(ranks: 1, model: ExampleInputs.model, ["--fast-decode", "--lenient"]).status == 0)
    }

    @Test("A world works where Open MPI is told to use its layer cm, and says what it uses")
    func layerCM() throws {
        let queue = try TestQueue()
        try queue.submit(["--prompt", "caption en", Self.pictures])
        let outcome = try Programs.run(
            "mpirun",
            [
                "--mca", "pml", "cm", "--bind-to", "none", "-n", "3", Programs.worker, "--model", ExampleInputs.model,
                "--queue",
                queue.path,
                "--drain",
            ])
        #expect(outcome.status == 0 && outcome.errors.contains("ob1 is used"), "\(outcome.errors)")
        #expect(try queue.results().allSatisfy { $0.error == nil })
    }
}
