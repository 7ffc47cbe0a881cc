import Base
import Foundation
import TestSupport
import Testing

/// What worlds do with pictures that are parts of files on servers.
@Suite("Pictures in files of servers, in real worlds", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct RemoteInputWorldTests {
    @Test("Pictures in a tar shard and in a parquet file of a server get the answers of the same pictures as files")
    func shardsAndTables() throws {
        let folder = try TemporaryFolder()
        try ExampleInputs.writeShardAndTable(to: folder)
        let contents = [
            "/s.tar": try FileBytes(path: folder.file("s.tar")).bytes,
            "/t.parquet": try FileBytes(path: folder.file("t.parquet")).bytes,
        ]
        let handler: @Sendable (TestServer.Request) -> [TestServer.Step] = { request in
            contents[request.path].map { .file($0, for: request) } ?? .answer(404)
        }
        try withServer(handler) { server in
            let files = try ExampleInputs.answers(
                ExampleInputs.names().map { ExampleInputs.pictures + "/" + $0 })
            let shards = try ExampleInputs.answers([server.address("/s.tar")])
            let rows = try ExampleInputs.answers([server.address("/t.parquet")])
            #expect(
                try files.count == ExampleInputs.names().count && (files + shards + rows).allSatisfy { $0.error == nil }
            )
            #expect(shards.map(\.tokens) == files.map(\.tokens) && rows.map(\.tokens) == files.map(\.tokens))
        }
    }

    @Test("A shard and a table of a server that were replaced after the submission fail their jobs by name")
    func replaced() throws {
        let folder = try TemporaryFolder()
        try ExampleInputs.writeShardAndTable(to: folder)
        let contents = [
            "/s.tar": try FileBytes(path: folder.file("s.tar")).bytes,
            "/t.parquet": try FileBytes(path: folder.file("t.parquet")).bytes,
        ]
        let tag = Locked("\"one\"")
        let handler: @Sendable (TestServer.Request) -> [TestServer.Step] = { request in
            contents[request.path].map { .file($0, tag: tag.withLock { $0 }, for: request) } ?? .answer(404)
        }
        try withServer(handler) { server in
            let queue = try TestQueue()
            let arguments = ["--prompt", "caption en", server.address("/s.tar"), server.address("/t.parquet")]
            try queue.submit(arguments)
            // The same again is nothing new.
            try queue.submit(arguments)
            tag.withLock { $0 = "\"two\"" }
            #expect(try queue.work(ranks: 1, model: ExampleInputs.model).status == 1)
            let results = try queue.results()
            #expect(try results.count == 2 * ExampleInputs.names().count)
            #expect(results.allSatisfy { $0.error?.code == "changed" })
            #expect(results.allSatisfy { $0.error?.message.contains("submit it again") == true })
        }
    }
}
