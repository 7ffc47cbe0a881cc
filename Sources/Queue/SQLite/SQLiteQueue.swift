import Base
import CSQLite
import Foundation

/// A queue in a file, for the worlds of one machine.
///
/// It uses a rollback journal, not a write-ahead log: SQLite 3.40 has a defect in resetting the log with two
/// connections, and a transaction of 1.4 ms is far below the time that a job takes. Every transaction is on the disk
/// when it returns (`synchronous=FULL`).
package final class SQLiteQueue: JobQueue {
    package let name: String
    package let retryPolicy: RetryPolicy
    let clock: any QueueClock
    /// Used by one thread at a time, the one that holds `lock`; nothing that a closure is given outlives it.
    private nonisolated(unsafe) let connection: Connection
    private let lock = NSLock()
    private let identity: FileIdentity?
    private let diskWait: DiskWait

    /// Opens the queue at `path`.
    ///
    /// - Parameters:
    ///   - create: Whether the file is made where there is none. Without it a path that does not exist is an error.
    ///   - busyTimeout: How long to wait for other processes before `busy` is thrown.
    ///   - diskTimeout: How long to wait for room on a full disk before `diskFull` is thrown. Leases may expire meanwhile; then
    ///     their answers are refused, not lost.
    /// - Throws: `cannotOpen`, `networkFileSystem`, `notAQueue`, `newerSchema`, `corrupt`, `busy`, `diskFull`.
    package init(
        path: String, create: Bool = false, busyTimeout: Duration = .seconds(60), diskTimeout: Duration = .zero,
        clock: any QueueClock = BootClock(), retryPolicy: RetryPolicy = RetryPolicy()
    ) throws(QueueError) {
        let exists = FileSystem.exists(path)
        if FileSystem.isFolder(path) {
            throw .cannotOpen(queue: path, reason: "it is a directory; give the path of a file")
        }
        if !exists && !create {
            throw .cannotOpen(queue: path, reason: "there is no such file; `paligemma submit` makes it")
        }
        if let kind = NetworkFileSystem.kind(under: path) { throw .networkFileSystem(queue: path, kind: kind) }
        if !exists { try Self.makeEmptyFile(path) }
        let connection = try Connection(path: path, create: create, busyTimeout: busyTimeout)
        try connection.execute("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY", doing: "opening it")
        let diskWait = DiskWait(timeout: diskTimeout)
        try diskWait.run { () throws(QueueError) in try Schema.prepare(connection, create: create) }
        // This is set for each connection, after the file was recognized as a queue.
        try connection.execute("PRAGMA journal_mode = TRUNCATE", doing: "opening it")
        name = path
        self.diskWait = diskWait
        self.clock = clock
        self.retryPolicy = retryPolicy
        self.connection = connection
        identity = FileIdentity(path: path)
    }

    /// Makes the file, for its owner alone: it holds answers, and pictures where they are embedded. SQLite gives its journal the
    /// same permissions.
    private static func makeEmptyFile(_ path: String) throws(QueueError) {
        let descriptor = FileSystem.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        if descriptor >= 0 {
            close(descriptor)
            return
        }
        let error = SystemError(errno)
        // Another process may have been faster.
        if error.number == EEXIST { return }
        let folder = path.parentPath.isEmpty ? "." : path.parentPath
        let advice =
            if !FileSystem.isFolder(folder) {
                "; make its directory, or give another path"
            } else if error.number == EACCES || error.number == EROFS {
                "; this user may not write into the directory \(folder), so give another path or change its permissions"
            } else {
                ""
            }
        throw .cannotOpen(queue: path, reason: error.description + advice)
    }

    /// Implements ``JobQueue/adopt``.
    ///
    /// - Throws: ``QueueError``.
    package func adopt(fingerprint: String, modelName: String) throws(QueueError) {
        let doing = "comparing the model"
        try write(doing: doing) { connection throws(QueueError) in
            let rows = try connection.rows("SELECT fingerprint, model FROM queue", doing: doing) {
                ($0.textOrNil(0), $0.text(1))
            }
            guard let (known, knownName) = rows.first, let known else {
                return try connection.run(
                    "UPDATE queue SET fingerprint = ?, model = ?", [.text(fingerprint), .text(modelName)], doing: doing)
            }
            guard known == fingerprint else {
                throw .otherModel(
                    queue: connection.path, belongsTo: "\(knownName) (\(known))",
                    offered: "\(modelName) (\(fingerprint))")
            }
        }
    }

    /// Implements ``JobQueue/counts``.
    ///
    /// - Throws: ``QueueError``.
    package func counts() throws(QueueError) -> JobCounts {
        let doing = "counting"
        return try read(doing: doing) { connection throws(QueueError) in
            var counts = JobCounts()
            let rows = try connection.rows("SELECT state, jobs FROM counts", doing: doing) {
                (JobState(rawValue: Int($0.integer(0))), Int($0.integer(1)))
            }
            for (state, jobs) in rows {
                if let state { counts[state] = jobs }
            }
            return counts
        }
    }

    /// Implements ``JobQueue/modelName``.
    ///
    /// - Throws: ``QueueError``.
    package func modelName() throws(QueueError) -> String? {
        let doing = "reading the model"
        return try read(doing: doing) { connection throws(QueueError) in
            try connection.rows("SELECT model FROM queue", doing: doing) { $0.textOrNil(0) }.first ?? nil
        }
    }

    /// Returns the number of rows that this object's queries scanned without an index. It stays small however many jobs
    ///
    /// - Throws: ``QueueError``.
    package func fullScanSteps() throws(QueueError) -> Int {
        try read(doing: "counting steps") { connection in connection.fullScanSteps }
    }

    /// Implements ``JobQueue/verify``.
    ///
    /// - Throws: ``QueueError``.
    package func verify() throws(QueueError) {
        let doing = "verifying it"
        try read(doing: doing) { connection throws(QueueError) in
            let findings = try connection.rows("PRAGMA integrity_check(1)", doing: doing) { $0.text(0) }
            guard findings == ["ok"] else {
                throw .corrupt(queue: connection.path, detail: findings.first ?? "integrity_check returned nothing")
            }
            for (sql, detail) in Self.invariants {
                let violations = try connection.rows(sql, doing: doing) { $0.integer(0) }.first ?? 0
                if violations > 0 {
                    throw .corrupt(
                        queue: connection.path, detail: "\(Int(clamping: violations).counted("time")) \(detail)")
                }
            }
        }
    }

    /// Queries that count violations.
    private static let invariants: [(sql: String, detail: String)] = [
        (
            "SELECT count(*) FROM counts WHERE jobs <> (SELECT count(*) FROM jobs WHERE jobs.state = counts.state)",
            "a counter differs from the jobs of its state"
        ),
        (
            """
            SELECT count(*) FROM jobs WHERE (state IN (3, 4, 5)) <>
                EXISTS (SELECT 1 FROM results WHERE results.sequence = jobs.sequence)
            """,
            "a job is finished without a result, or has one without being finished"
        ),
        ("SELECT count(*) FROM jobs WHERE (state = 1) <> (lease_token IS NOT NULL)", "a lease and its state disagree"),
        ("SELECT count(*) - count(DISTINCT token) FROM audit WHERE token IS NOT NULL", "a lease was answered twice"),
    ]

    package var retries: UInt64 { diskWait.tries }

    // MARK: Access

    /// Runs `body` in one transaction that may write.
    func write<Result>(
        doing: String, _ body: (Connection) throws(QueueError) -> Result
    ) throws(QueueError) -> Result {
        try exclusively { connection throws(QueueError) in
            try diskWait.run { () throws(QueueError) in
                try connection.transaction(doing: doing) { () throws(QueueError) in try body(connection) }
            }
        }
    }

    /// Runs `body` in one transaction that only reads.
    func read<Result>(
        doing: String, _ body: (Connection) throws(QueueError) -> Result
    ) throws(QueueError) -> Result {
        try exclusively { connection throws(QueueError) in
            try connection.snapshot(doing: doing) { () throws(QueueError) in try body(connection) }
        }
    }

    /// Runs `body` outside any transaction.
    func alone(_ body: (Connection) throws(QueueError) -> Void) throws(QueueError) {
        try exclusively(body)
    }

    private func exclusively<Result>(
        _ body: (Connection) throws(QueueError) -> Result
    ) throws(QueueError) -> Result {
        lock.lock()
        defer { lock.unlock() }
        // A world must not work on a file that was removed or replaced, which nobody else can see.
        guard FileIdentity(path: name) == identity else {
            let reason = "the file was removed or replaced while it was in use; start again with the new one"
            throw .cannotOpen(queue: name, reason: reason)
        }
        return try body(connection)
    }
}
