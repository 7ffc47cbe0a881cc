import CSQLite
import Foundation
import Queue
import TestSupport
import Testing

/// What opening says of files that are no queue, or no longer.
@Suite("Queue files") struct QueueFileTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func openingError(_ path: String, create: Bool = false) -> QueueError? {
        do throws(QueueError) {
            _ = try SQLiteQueue(path: path, create: create, busyTimeout: .milliseconds(50))
            return nil
        } catch {
            return error
        }
    }

    @Test("A missing queue is made only on request") func missingQueue() throws {
        let path = folder.file("jobs.db")
        #expect(openingError(path)?.code == "queue_cannot_open")
        #expect(openingError(path, create: true) == nil)
        #expect(openingError(path) == nil)
        #expect(openingError(folder.file("no/folder.db"), create: true)?.code == "queue_cannot_open")
        #expect(openingError(folder.path, create: true)?.code == "queue_cannot_open")
    }

    @Test("A queue whose file is removed or replaced is refused", arguments: [true, false])
    func removedFile(isReplaced: Bool) throws {
        let path = folder.file("jobs.db")
        let queue = try SQLiteQueue(path: path, create: true)
        _ = try queue.submit(makeJobs(2), otherContents: .refuse)
        try FileManager.default.removeItem(atPath: path)
        if isReplaced { _ = try SQLiteQueue(path: path, create: true) }
        #expect {
            try queue.lease(limit: 1, for: .seconds(60), owner: "world")
        } throws: { "\($0)".contains("removed or replaced") }
    }

    @Test("A name that is no queue is refused with the reason") func invalidNames() {
        for name in ["", "mysql://me:s3cret@host/db", "postgres:/db"] {
            #expect {
                try openQueue(name, create: true)
            } throws: { ($0 as? QueueError)?.code == "queue_bad_address" && !"\($0)".contains("s3cret") }
        }
        let missing = openingError(folder.file("no/folder.db"), create: true)
        #expect(missing?.description.contains("No such file or directory; make its directory") == true)
    }

    @Test("A file that is no queue is refused and not changed") func otherFile() throws {
        let text = String(repeating: "not a database, but longer than its header\n", count: 100)
        let path = try folder.write(text, to: "notes.txt")
        #expect(openingError(path, create: true) == .notAQueue(queue: path))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)

        let other = folder.file("other.db")
        try sqlite("CREATE TABLE mine (a); PRAGMA user_version = 1", on: other)
        #expect(openingError(other, create: true) == .notAQueue(queue: other))
    }

    @Test("A newer schema is refused with its number") func newerSchema() throws {
        let path = folder.file("jobs.db")
        #expect(openingError(path, create: true) == nil)
        try sqlite("PRAGMA user_version = 6", on: path)
        #expect(openingError(path) == .newerSchema(queue: path, found: 6, known: 5))
    }

    @Test("Verification finds a damaged file") func damagedFile() throws {
        let path = folder.file("jobs.db")
        let queue = try SQLiteQueue(path: path, create: true)
        _ = try queue.submit(makeJobs(2000), otherContents: .refuse)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for offset in stride(from: 5 * 4096, to: bytes.count, by: 4096) { bytes[offset] = 0xAA }
        try bytes.write(to: URL(fileURLWithPath: path))
        let damaged = try SQLiteQueue(path: path)
        #expect {
            try damaged.verify()
        } throws: { ($0 as? QueueError)?.code == "queue_corrupt" }
    }

    @Test("Verification finds counters that do not fit the jobs") func wrongCounters() throws {
        let path = folder.file("jobs.db")
        let queue = try SQLiteQueue(path: path, create: true)
        _ = try queue.submit(makeJobs(3), otherContents: .refuse)
        try queue.verify()
        try sqlite("UPDATE counts SET jobs = 7 WHERE state = 0", on: path)
        #expect {
            try queue.verify()
        } throws: { "\($0)".contains("a counter differs") }
    }

    @Test("A queue that others hold is busy") func busy() throws {
        let path = folder.file("jobs.db")
        #expect(openingError(path, create: true) == nil)
        let holder = try open(path)
        try #require(sqlite3_exec(holder, "BEGIN EXCLUSIVE", nil, nil, nil) == SQLITE_OK)
        #expect(openingError(path)?.code == "queue_busy")
        sqlite3_close(holder)
        #expect(openingError(path) == nil)
    }

    private func sqlite(_ sql: String, on path: String) throws {
        let connection = try open(path)
        defer { sqlite3_close(connection) }
        try #require(sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK)
    }

    private func open(_ path: String) throws -> OpaquePointer {
        var connection: OpaquePointer?
        try #require(sqlite3_open(path, &connection) == SQLITE_OK)
        return try #require(connection)
    }
}
