import Foundation
import Queue
import TestSupport
import Testing

/// What only the queue in a database has: a server that may go, and addresses with passwords.
@Suite("The queue in PostgreSQL", .timeLimit(.minutes(15))) struct PostgresQueueTests {
    private func openingError(_ address: String, create: Bool = false, timeout: Duration = .zero) -> QueueError? {
        do throws(QueueError) {
            _ = try PostgresQueue(address: address, create: create, openingTimeout: timeout)
            return nil
        } catch {
            return error
        }
    }

    private static func error(opening name: String) -> QueueError? {
        do throws(QueueError) {
            _ = try openQueue(name, create: true, timeout: .zero)
            return nil
        } catch {
            return error
        }
    }

    @Test("A pooler that keeps no process for a transaction is refused in a sentence that says what to change")
    func statementPooling() throws {
        let server = try PostgresServer.shared()
        // The pooler may still be starting.
        let address = try server.pooled(server.makeDatabase(), mode: .statement)
        let error = openingError(address, create: true, timeout: .seconds(10))
        #expect(error?.code == "queue_refused")
        #expect("\(try #require(error))".contains("pool_mode = transaction"))
    }

    @Test("A password appears in no message") func aPasswordIsNeverSaid() throws {
        let addresses = [
            "postgres://u:se?s3cret@127.0.0.1:1/db", "postgres://u:a/b?s3cret@",
            "postgres://u:se@s3cret@127.0.0.1:1/db",
            "postgres://127.0.0.1:1/db?PASSWORD=s3cret", "host=127.0.0.1 port=1 password=s3cret",
            "password = s3cret port=1",
            "host=127.0.0.1 port=1 password='s3cret x'", "host=127.0.0.1 port=1 password=s3cret bogus",
            "postgres://u:s3cret/@127.0.0.1:1/db", "postgres://u:#s3cret@127.0.0.1:1/db",
            "postgres://s3cret:1/x@127.0.0.1:1/db",
            "postgres://u:%zzs3cret@127.0.0.1:1/db", "postgres://127.0.0.1:1/db?sslpassword=s3cret&sslmode=require",
            "mysql://u:s3cret@host/db", "postgres:/u:s3cret@host/db", "postgres://u:s3cret\0@127.0.0.1:1/db",
            "postgres://me:s3cret@host/db", "postgresql://me:s3cr@s3cret@host:99999999/db",
            "postgres://me:s3cret@/db?bad=1",
            "postgres://host/db?password=s3cret&sslmode=bogus", "postgres://me:s3cret@127.0.0.1:1/db",
        ]
        for address in addresses {
            let error = try #require(Self.error(opening: address))
            #expect(!"\(error)".contains("s3cret"), "\(error)")
            #expect("\(error)".contains("***"), "\(error)")
        }
    }

    @Test("A refused connection names the reason and what to do") func refusedConnections() throws {
        let server = try PostgresServer.shared()
        let nobody = server.address(of: "test").replacingOccurrences(of: "paligemma@", with: "nobody@")
        #expect(openingError(nobody)?.code == "queue_refused")
        let missing = try #require(openingError(server.address(of: "missing")))
        #expect("\(missing)".contains("createdb"))
        #expect(openingError("postgres://x@%2Ftmp%2Fno-such-folder/db")?.code == "queue_unreachable")
        #expect(openingError("postgres://host/db?bogus=1")?.code == "queue_bad_address")
        #expect(openingError("postgres://host/db?sslmode=bogus")?.code == "queue_refused")

        #expect(openingError("postgres://host:99999999/db")?.code == "queue_bad_address")

        let address = try server.makeDatabase()
        #expect(openingError(address)?.code == "queue_not_a_queue")
        #expect(openingError(address)?.description.contains("`paligemma submit` makes one") == true)
        #expect(openingError(address, create: true) == nil)
        try PostgresConsole(address).run("UPDATE paligemma.queue SET schema_version = 9")
        #expect(openingError(address)?.code == "queue_newer_schema")
        try PostgresConsole(address).run("UPDATE paligemma.queue SET schema_version = 0")
        #expect(openingError(address, create: true)?.code == "queue_older_schema")
        try PostgresConsole(address).run(
            "UPDATE paligemma.queue SET schema_version = 1; ALTER TABLE paligemma.results DROP COLUMN details; "
                + "ALTER TABLE paligemma.jobs DROP COLUMN picture; ALTER TABLE paligemma.jobs DROP COLUMN carried; "
                + "ALTER TABLE paligemma.jobs DROP COLUMN service; DROP TABLE paligemma.worlds")
        #expect(openingError(address) == nil)
        try PostgresConsole(address).run(
            "UPDATE paligemma.queue SET schema_version = 4; CREATE ROLE stranger_\(ProcessInfo.processInfo.processIdentifier) LOGIN"
        )
        let stranger = address.replacingOccurrences(
            of: "paligemma@", with: "stranger_\(ProcessInfo.processInfo.processIdentifier)@")
        let refusal = try #require(openingError(stranger))
        #expect(refusal.code == "queue_refused", "\(refusal)")
    }

    @Test("A wrong password is refused and not repeated in the message") func wrongPassword()
        throws
    {
        let address = try PostgresServer.shared().makeDatabase()
        let wrong = address.replacingOccurrences(of: "paligemma@", with: "locked:wr0ng@")
        let refusal = try #require(openingError(wrong))
        #expect(refusal.code == "queue_refused")
        #expect("\(refusal)".contains(".pgpass") && !"\(refusal)".contains("wr0ng"), "\(refusal)")
        // Let in with the right one, and kept from the tables.
        #expect(openingError(address, create: true) == nil)
        let right = address.replacingOccurrences(of: "paligemma@", with: "locked:right@")
        #expect("\(try #require(openingError(right)))".contains("grant"))
    }

    @Test("Many processes open a new database at once") func concurrentOpening() throws {
        let address = try PostgresServer.shared().makeDatabase()
        DispatchQueue.concurrentPerform(iterations: 8) { number in
            do {
                let queue = try PostgresQueue(address: address, create: true)
                let job = Job(id: "job-\(number)", images: [], prompt: "")
                #expect(try queue.submit([job], otherContents: .refuse).added == 1)
            } catch {
                Issue.record(error)
            }
        }
        #expect(try PostgresQueue(address: address).counts().ready == 8)
    }

    @Test("Nobody can change the audit") func auditIsReadOnly() throws {
        let bench = try QueueBench(.postgres)
        try bench.submit(1)
        try bench.queue.finish(bench.leaseOne().handle, with: sampleAnswer)
        let console = try PostgresConsole(bench.name)
        #expect(throws: PostgresServer.Failure.self) { try console.run("DELETE FROM paligemma.audit") }
        #expect(throws: PostgresServer.Failure.self) { try console.run("UPDATE paligemma.audit SET state = 4") }
        #expect(try bench.queue.audit(after: 0, limit: 9).count == 1)
    }

    @Test("Verification finds a wrong counter") func wrongCounter() throws {
        let bench = try QueueBench(.postgres)
        try bench.submit(1)
        try PostgresConsole(bench.name).run("UPDATE paligemma.counts SET ready = ready + 1 WHERE shard = 3")
        #expect {
            try bench.queue.verify()
        } throws: { "\($0)".contains("a counter differs") }
    }

    /// The server dies while worlds work, again and again. Nobody notices but by the time that it takes.
    @Test("A server that dies and comes back loses no job and doubles none")
    func serverDeath() throws {
        let server = try PostgresServer()
        let address = try server.makeDatabase()
        let queue = try PostgresQueue(address: address, create: true)
        _ = try queue.submit(makeJobs(800), otherContents: .refuse)
        let workers = try (0..<3).map { try StressProcess(queue: address, owner: "process \($0)", lease: 600_000) }
        for worker in workers { worker.waitForLines(1) }
        for _ in 0..<5 {
            usleep(60_000)
            try server.kill()
            try server.start()
        }
        let accepted = workers.flatMap { $0.waitForOutput() }
        // No finish was refused as stale although the answers to some were lost: each job was said to be done, once.
        #expect(accepted.count == 800)
        #expect(Set(accepted).count == 800)
        #expect(try queue.counts().done == 800)
        let audit = try queue.audit(after: 0, limit: 2000)
        #expect(audit.count == 800 && Set(audit.map(\.id)).count == 800)
        #expect(Set(audit.map(\.attempt)) == [1], "no lease was lost with a connection")
        try queue.verify()
    }

    /// The answer to a finish is lost: the connection is cut when the server has done it.
    @Test("A finish whose reply was lost is found by its token") func lostReply()
        throws
    {
        let bench = try QueueBench(.postgres)
        let queue = try PostgresQueue(address: bench.name)
        try bench.submit(3)
        let leases = try queue.lease(limit: 3, for: .seconds(600), owner: "test")
        let console = try PostgresConsole(bench.name)
        // Commits, then dies before it answers: a deferred trigger would run before the commit, so the finish is done
        // by another connection, and ours is broken.
        try bench.queue.finish(leases[0].handle, with: sampleAnswer)
        try console.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        try queue.finish(leases[0].handle, with: sampleAnswer)
        #expect(throws: QueueError.staleLease(jobID: "job-0")) {
            try queue.finish(leases[0].handle, with: sampleAnswer)
        }
        #expect(try queue.audit(after: 0, limit: 9).count == 1)
        #expect(try queue.results(after: 0, limit: 9).count == 1)
        try queue.verify()
    }

    @Test("Texts with characters that the server cannot store are read back")
    func unstorableCharacters() {
        for text in ["", "plain", "a\0b", "\u{10FFFD}", "\0\u{10FFFD}0\0"] {
            #expect(PostgresText.decode(PostgresText.encode(text)) == text)
        }
        #expect(PostgresText.encode("plain ü") == "plain ü")
    }
}
