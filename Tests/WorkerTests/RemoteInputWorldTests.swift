import Archives
import Base
import Foundation
import Tables
import TestSupport
import Testing

/// What worlds do with pictures that are parts of files on servers.
@Suite("Pictures in files of servers, in real worlds", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct RemoteInputWorldTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../.."
    )
    .standardizedFileURL.path
    private static let pictures = root + "/Examples/pictures"

    private func answers(_ arguments: [String]) throws -> [ReferenceAnswers.ResultLine] {
        let queue = try TestQueue()
        try queue.submit(["--prompt", "caption en"] + arguments)
        let outcome = try queue.work(ranks: 1, model: Self.root + "/Examples/miniature/model", [])
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try queue.results(["--sorted"])
    }

    @Test("Pictures in a tar shard and in a parquet file of a server get the answers of the same pictures as files")
    func shardsAndTables() throws {
        let names = try FileSystem.names(in: Self.pictures).filter { ["jpg", "png"].contains($0.pathExtension) }
            .sorted()
        let folder = try TemporaryFolder()
        let (shard, table) = (try NewFile(for: folder.file("s.tar")), try NewFile(for: folder.file("t.parquet")))
        let tar = TarWriter(descriptor: shard.descriptor, name: "s.tar")
        let parquet = try ParquetWriter(
            descriptor: table.descriptor, name: "t.parquet", columns: [.init("jpg", .binary), .init("id", .string)])
        for (index, name) in names.enumerated() {
            let bytes = try FileBytes(path: Self.pictures + "/" + name).bytes
            try tar.append("\(1000 + index)." + name.pathExtension, bytes)
            try parquet.append([.bytes(bytes), .text("row \(index)")])
        }
        try tar.finish()
        try parquet.finish()
        for file in [shard, table] { try file.commit() }
        let contents = [
            "/s.tar": try FileBytes(path: folder.file("s.tar")).bytes,
            "/t.parquet": try FileBytes(path: folder.file("t.parquet")).bytes,
        ]
        let handler: @Sendable (TestServer.Request) -> [TestServer.Step] = { request in
            contents[request.path].map { .file($0, for: request) } ?? .answer(404)
        }
        try withServer(handler) { server in
            let files = try answers(names.map { Self.pictures + "/" + $0 })
            let shards = try answers([server.address("/s.tar")])
            let rows = try answers([server.address("/t.parquet")])
            #expect(files.count == names.count && (files + shards + rows).allSatisfy { $0.error == nil })
            #expect(shards.map(\.tokens) == files.map(\.tokens) && rows.map(\.tokens) == files.map(\.tokens))
        }
    }
}
