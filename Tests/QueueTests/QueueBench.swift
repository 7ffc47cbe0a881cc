import Foundation
import Queue
import TestSupport
import Testing

/// What keeps a queue. Every test that takes one is run with each.
enum QueueKind: String, CaseIterable, CustomTestStringConvertible {
    case sqlite
    case postgres
    /// PostgreSQL behind a pooler that gives every transaction another process of the server.
    case pooled

    var testDescription: String { rawValue }
}

/// A queue of either kind for one test, with a clock that stands still until it is told.
final class QueueBench: Sendable {
    let kind: QueueKind
    let queue: any JobQueue
    /// What other processes open it by.
    let name: String
    /// The file, or the address of the database without a pooler.
    let database: String
    private let folder: TemporaryFolder
    private let clock = TestClock()

    /// - Parameter stoppedClock: false for tests with other processes, which have the real one.
    init(_ kind: QueueKind, stoppedClock: Bool = true) throws {
        self.kind = kind
        folder = try TemporaryFolder()
        switch kind {
        case .sqlite:
            name = folder.file("jobs.db")
            database = name
            queue = try SQLiteQueue(path: name, create: true, clock: stoppedClock ? clock : BootClock())
        case .postgres, .pooled:
            let server = try PostgresServer.shared()
            database = try server.makeDatabase()
            name = kind == .pooled ? try server.pooled(database) : database
            queue = try PostgresQueue(address: name, create: true)
            if stoppedClock { try PostgresConsole(database).run(Self.stopClock) }
        }
    }

    private static let stopClock = """
        CREATE TABLE paligemma.test_clock (now timestamptz);
        INSERT INTO paligemma.test_clock VALUES ('2026-01-01 00:00:00+00');
        CREATE OR REPLACE FUNCTION paligemma.queue_time() RETURNS timestamptz LANGUAGE sql STABLE AS
            'SELECT now FROM paligemma.test_clock'
        """

    /// The same queue by a connection of its own.
    func another() throws -> any JobQueue {
        switch kind {
        case .sqlite: try SQLiteQueue(path: name, clock: clock)
        case .postgres, .pooled: try PostgresQueue(address: name)
        }
    }

    func advance(by duration: Duration) throws {
        clock.advance(by: duration)
        guard kind != .sqlite else { return }
        let microseconds = duration.nanoseconds / 1000
        try PostgresConsole(database).run(
            "UPDATE paligemma.test_clock SET now = now + \(microseconds) * interval '1 microsecond'")
    }

    func submit(_ count: Int) throws {
        let summary = try queue.submit(makeJobs(count), otherContents: .refuse)
        #expect(summary.added == count)
    }

    func leaseOne(for duration: Duration = .seconds(60), owner: String = "test") throws -> Lease {
        try #require(try queue.lease(limit: 1, for: duration, owner: owner).first)
    }

    /// The failure in the first result.
    func firstFailure() throws -> JobFailure? {
        guard case .failed(let failure, _) = try queue.results(after: 0, limit: 1).first?.outcome else { return nil }
        return failure
    }
}
