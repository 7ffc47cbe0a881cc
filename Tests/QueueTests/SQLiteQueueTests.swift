import CSQLite
import Foundation
import Queue
import TestSupport
import Testing

/// What only the queue in a file has.
@Suite("The queue in a file", .timeLimit(.minutes(15))) struct SQLiteQueueTests {
    let folder: TemporaryFolder
    let clock = TestClock()
    let queue: SQLiteQueue

    init() throws {
        folder = try TemporaryFolder()
        queue = try SQLiteQueue(path: folder.file("jobs.db"), create: true, clock: clock)
    }

    private func leaseOne(for duration: Duration = .seconds(60)) throws -> Lease {
        try #require(try queue.lease(limit: 1, for: duration, owner: "test").first)
    }

    @Test("Leases and pauses of another boot have expired") func otherBoot() throws {
        try _ = queue.submit(makeJobs(2), otherContents: .refuse)
        _ = try leaseOne(for: .seconds(1_000_000))
        let second = try leaseOne()
        try queue.fail(second.handle, with: passingFailure, permanent: false, seconds: 0)
        for bootID in ["boot-0", "boot-2"] {
            let later = try SQLiteQueue(path: queue.name, clock: TestClock(bootID: bootID))
            #expect(try later.timeToNextReady() == .zero)
            // The one that was leased is suspect, and so is given alone.
            for owner in ["first", "second"] {
                #expect(try later.lease(limit: 9, for: .seconds(1_000_000), owner: owner).count == 1)
            }
        }
    }

    @Test("A file of schema 1 is migrated") func migration() throws {
        try _ = queue.submit(makeJobs(2), otherContents: .refuse)
        var connection: OpaquePointer?
        try #require(sqlite3_open(queue.name, &connection) == SQLITE_OK)
        let sql = """
            DROP INDEX jobs_served; ALTER TABLE jobs DROP COLUMN service; DROP TABLE worlds; DROP INDEX jobs_picture; ALTER TABLE jobs DROP COLUMN picture; ALTER TABLE jobs DROP COLUMN carried;
            DROP INDEX jobs_ready; DROP INDEX jobs_suspect; DROP INDEX jobs_owner; DROP INDEX jobs_failed;
            ALTER TABLE jobs DROP COLUMN suspect; ALTER TABLE results DROP COLUMN details;
            CREATE INDEX jobs_ready ON jobs (priority DESC, sequence) WHERE state = 0;
            CREATE INDEX jobs_failed ON jobs (sequence) WHERE state = 4;
            PRAGMA user_version = 1;
            """
        try #require(sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK)
        sqlite3_close(connection)
        let raised = try SQLiteQueue(path: queue.name, clock: clock)
        #expect(try raised.lease(limit: 2, for: .seconds(9), owner: "test").count == 2)
        try raised.verify()
    }

    @Test("A network file system is recognized by its number or its name")
    func networkFileSystem() {
        func kind(_ magic: UInt32, _ type: String? = nil) -> String? {
            NetworkFileSystem.kind(magic: magic) { type }
        }
        #expect(kind(0x6969) == "NFS")
        #expect(kind(0x0BD0_0BD0) == "Lustre")
        #expect(kind(0xEF53) == nil)
        #expect(kind(0x6573_5546, "fuse.sshfs") == "fuse.sshfs")
        #expect(kind(0x6573_5546, "fuse.fuse-overlayfs") == nil)
        let table = """
            29 1 0:26 / / rw,relatime shared:1 - ext4 /dev/vda rw
            31 29 0:52 / /mnt/far rw,nosuid shared:9 - fuse.sshfs me@far:/data rw,user_id=0
            """
        #expect(NetworkFileSystem.mountedType(device: "0:52", in: table) == "fuse.sshfs")
        #expect(NetworkFileSystem.kind(under: folder.file("not/there/yet.db")) == nil)
        let refusal = QueueError.networkFileSystem(queue: "q.db", kind: "NFS").description
        #expect(refusal.contains("postgres://"))
    }

    @Test("No operation of a world scans all jobs") func scans() throws {
        try _ = queue.submit(makeJobs(5000), otherContents: .refuse)
        for _ in 0..<10 {
            let leases = try queue.lease(limit: 4, for: .seconds(1), owner: "test")
            try queue.finish(leases[0].handle, with: sampleAnswer)
            try queue.fail(leases[1].handle, with: passingFailure, permanent: false, seconds: 0)
            try queue.release([leases[2].handle])
            _ = try queue.renew([leases[3].handle], for: .seconds(1))
            _ = try queue.counts()
            _ = try queue.timeToNextReady()
            _ = try queue.results(after: 0, limit: 10)
            _ = try queue.sortedResults(afterSequence: 0, limit: 10)
            clock.advance(by: .seconds(2))
            let suspect = try leaseOne()
            #expect(suspect.isSuspect)
            try queue.finish(suspect.handle, with: sampleAnswer)
            _ = try queue.recordDeath(ofWorld: "nobody", cause: "SIGKILL")
            _ = try queue.holders()
            _ = try queue.recentRate()
        }
        #expect(try queue.fullScanSteps() < 500)
        #expect(try queue.counts().done == 20)
    }
}
