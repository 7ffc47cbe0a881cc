import Archives
import Base
import Foundation
import Tables
import TestSupport
import Testing

/// The example pictures in the ways in which pictures come, and the worlds of the miniature model that answer about them.
enum ExampleInputs {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../.."
    )
    .standardizedFileURL.path
    static let model = root + "/Examples/miniature/model"
    static let pictures = root + "/Examples/pictures"

    /// The names of the pictures.
    static func names() throws -> [String] {
        try FileSystem.names(in: pictures).filter { ["jpg", "png"].contains($0.pathExtension) }.sorted()
    }

    /// Writes `s.tar` with the keys 1000, 1001, … and `t.parquet` with the ids "row 0", "row 1", …, both with all pictures.
    static func writeShardAndTable(to folder: TemporaryFolder) throws {
        let (shard, table) = (try NewFile(for: folder.file("s.tar")), try NewFile(for: folder.file("t.parquet")))
        let tar = TarWriter(descriptor: shard.descriptor, name: "s.tar")
        let parquet = try ParquetWriter(
            descriptor: table.descriptor, name: "t.parquet", columns: [.init("jpg", .binary), .init("id", .string)])
        for (index, name) in try names().enumerated() {
            let bytes = try FileBytes(path: pictures + "/" + name).bytes
            try tar.append("\(1000 + index)." + name.pathExtension, bytes)
            try parquet.append([.bytes(bytes), .text("row \(index)")])
        }
        try tar.finish()
        try parquet.finish()
        for file in [shard, table] { try file.commit() }
    }

    /// Submits, lets a world of `ranks` work, and returns the results.
    static func answers(
        _ arguments: [String], ranks: Int = 1, worker: [String] = [], status: Int32 = 0
    ) throws -> [ReferenceAnswers.ResultLine] {
        let queue = try TestQueue()
        try queue.submit(["--prompt", "caption en"] + arguments)
        let outcome = try queue.work(ranks: ranks, model: model, worker)
        #expect(outcome.status == status, "\(outcome.errors)")
        return try queue.results(["--sorted"])
    }
}
