import CSQLite
import Foundation
import Queue
import TestSupport
import Testing

/// What is read of a queue without changing it.
@Suite("The inspection of a queue", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct QueueInspectionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func run(_ sql: String, on path: String) {
        var handle: OpaquePointer?
        defer { sqlite3_close_v2(handle) }
        #expect(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
        #expect(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK)
    }

    @Test("A queue file says its schema and its model, and an older one is not migrated")
    func file() throws {
        let path = folder.file("jobs.db")
        let queue = try SQLiteQueue(path: path, create: true)
        let known = QueueFileInspection.knownSchema
        #expect(try QueueFileInspection(path: path) == .init(schema: known, fingerprint: nil, model: nil))
        try queue.adopt(fingerprint: "2-ab", modelName: "cat")
        #expect(try QueueFileInspection(path: path) == .init(schema: known, fingerprint: "2-ab", model: "cat"))
        run("PRAGMA user_version = 2", on: path)
        for _ in 0..<2 { #expect(try QueueFileInspection(path: path).schema == 2) }
    }

    @Test("What is no queue is refused, and what is not there is not made")
    func noQueue() throws {
        let missing = folder.file("missing.db")
        #expect(throws: QueueError.self) { try QueueFileInspection(path: missing) }
        #expect(!FileManager.default.fileExists(atPath: missing))
        let text = try folder.write("no database at all, and longer than a header", to: "text.db")
        #expect(throws: QueueError.notAQueue(queue: text)) { try QueueFileInspection(path: text) }
    }

    @Test("Commits are timed on a file that is gone afterwards, and a file that is there is left alone")
    func commits() throws {
        let path = folder.file("scratch")
        let time = try #require(try CommitProbe.commitTime(at: path, count: 3))
        #expect(time > .zero)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        #expect(throws: QueueError.self) { try CommitProbe.commitTime(at: folder.file("no/scratch")) }
        let other = try folder.write("mine", to: "mine")
        #expect(throws: QueueError.self) { try CommitProbe.commitTime(at: other) }
        #expect(try String(contentsOfFile: other, encoding: .utf8) == "mine")
    }

    @Test("A database says what it is and what its queue is, through a pooler too", arguments: [false, true])
    func database(isPooled: Bool) throws {
        let server = try PostgresServer.shared()
        let direct = try server.makeDatabase()
        let address = isPooled ? try server.pooled(direct) : direct
        // A pooler that was just started does not listen at once, and an inspection does not try again.
        #expect(throws: QueueError.self) { try openQueue(address, timeout: .seconds(60)) }
        let empty = try DatabaseInspection(address: address)
        #expect(empty.isPooled == isPooled && empty.queue == nil && empty.mayCreate && !empty.isInRecovery)
        #expect(empty.version >= 120_000 && empty.roundTrip > 0 && empty.maximumConnections > empty.openConnections)
        let queue = try openQueue(direct, create: true)
        try queue.adopt(fingerprint: "2-ab", modelName: "cat")
        #expect(
            try DatabaseInspection(address: address).queue
                == .init(schema: DatabaseInspection.knownSchema, fingerprint: "2-ab", model: "cat"))
        // One clock, so the offset is what the round trip hides.
        #expect(abs(empty.clockOffset) < empty.roundTrip + 0.05)
    }
}
