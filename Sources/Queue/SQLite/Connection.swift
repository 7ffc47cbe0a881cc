import Base
import CSQLite

#if canImport(Glibc)
    import Glibc
#endif

/// One connection to a queue file: opening it, its statements, its transactions, and what its error codes mean.
/// To be used by one thread at a time.
final class Connection {
    let path: String
    private let handle: OpaquePointer
    private var statements: [String: Statement] = [:]

    /// - Parameters:
    ///   - create: Whether an empty file is made where there is none.
    ///   - busyTimeout: How long to wait for others.
    convenience init(path: String, create: Bool, busyTimeout: Duration) throws(QueueError) {
        try self.init(path: path, access: create ? .creating : .writing, busyTimeout: busyTimeout)
    }

    /// What is to be done with the file.
    enum Access {
        case reading
        case writing
        /// An empty file is made where there is none.
        case creating

        fileprivate var flags: Int32 {
            switch self {
            case .reading: SQLITE_OPEN_READONLY
            case .writing: SQLITE_OPEN_READWRITE
            case .creating: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            }
        }
    }

    /// - Parameter busyTimeout: How long to wait for others.
    init(path: String, access: Access, busyTimeout: Duration) throws(QueueError) {
        self.path = path
        var opened: OpaquePointer?
        // Calls are serialized by the owner, so SQLite's own mutexes are not needed.
        let code =
            withSystemPath(path) { sqlite3_open_v2($0, &opened, access.flags | SQLITE_OPEN_NOMUTEX, nil) }
            ?? SQLITE_CANTOPEN
        guard code == SQLITE_OK, let opened else {
            let reason = opened.map(Self.reason) ?? "out of memory"
            sqlite3_close_v2(opened)
            throw .cannotOpen(queue: path, reason: reason)
        }
        handle = opened
        sqlite3_extended_result_codes(handle, 1)
        waitForOthers(upTo: busyTimeout)
    }

    /// SQLite's own waiting grows to a tenth of a second a step. A world that finishes many small jobs leaves the file
    /// free for a millisecond at a time, and a process that sleeps through it may wait for seconds.
    private func waitForOthers(upTo timeout: Duration) {
        let steps = max(0, timeout.nanoseconds / 2_000_000)
        let context = UnsafeMutableRawPointer(bitPattern: Int(clamping: steps))
        sqlite3_busy_handler(
            handle,
            { context, attempt in
                guard Int(attempt) < Int(bitPattern: context) else { return 0 }
                // 2 ms on average, at random, so that two processes do not wait in lockstep.
                usleep(UInt32.random(in: 500...3500))
                return 1
            }, context)
    }

    deinit {
        for statement in statements.values { statement.finalize() }
        sqlite3_close_v2(handle)
    }

    /// Rows that the last statement changed.
    var changes: Int { Int(sqlite3_changes(handle)) }

    /// The key of the row that was inserted last.
    var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

    /// The number of rows that statements scanned without an index.
    var fullScanSteps: Int { statements.values.reduce(0) { $0 + $1.fullScanSteps } }

    /// Runs statements that return nothing.
    func execute(_ sql: String, doing: String) throws(QueueError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code, doing: doing) }
    }

    /// Returns the prepared statement of `sql`, ready for values. It is prepared once and kept as long as the
    /// connection.
    func statement(_ sql: String, doing: String) throws(QueueError) -> Statement {
        if let statement = statements[sql] {
            statement.reset()
            return statement
        }
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw error(code, doing: doing) }
        let statement = Statement(prepared, of: self, doing: doing)
        statements[sql] = statement
        return statement
    }

    /// Runs one statement with values to its end.
    func run(_ sql: String, _ values: [Statement.Value] = [], doing: String) throws(QueueError) {
        let statement = try statement(sql, doing: doing)
        defer { statement.reset() }
        try statement.bind(values)
        while try statement.step() {}
    }

    /// Returns all rows of a query. A query is always read to its end at once: an open one would hold a lock on the
    /// file.
    func rows<Row>(
        _ sql: String, _ values: [Statement.Value] = [], doing: String,
        _ read: (Statement) throws(QueueError) -> Row
    ) throws(QueueError) -> [Row] {
        let statement = try statement(sql, doing: doing)
        defer { statement.reset() }
        try statement.bind(values)
        var rows: [Row] = []
        while try statement.step() { rows.append(try read(statement)) }
        return rows
    }

    /// Does everything in `body` or nothing. The write lock is taken at the beginning, so that no two transactions can
    /// each wait for the other.
    func transaction<Result>(
        doing: String, _ body: () throws(QueueError) -> Result
    ) throws(QueueError) -> Result {
        try execute("BEGIN IMMEDIATE", doing: doing)
        do throws(QueueError) {
            let result = try body()
            try execute("COMMIT", doing: doing)
            return result
        } catch {
            // SQLite may have rolled back already; then this fails without harm.
            sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
            throw error
        }
    }

    /// Runs queries that see the same state of the file.
    func snapshot<Result>(doing: String, _ body: () throws(QueueError) -> Result) throws(QueueError) -> Result {
        try execute("BEGIN", doing: doing)
        defer { sqlite3_exec(handle, "COMMIT", nil, nil, nil) }
        return try body()
    }

    /// Returns the error that an error code of SQLite means.
    func error(_ code: Int32, doing: String) -> QueueError {
        let message = Self.message(handle)
        switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED: return .busy(queue: path, doing: doing)
        case SQLITE_FULL: return .diskFull(queue: path, doing: doing)
        case SQLITE_CORRUPT: return .corrupt(queue: path, detail: message)
        case SQLITE_NOTADB: return .notAQueue(queue: path)
        case SQLITE_READONLY:
            let reason = "this user may not write it; let its owner grant that, for the file and its directory"
            return .cannotOpen(queue: path, reason: reason)
        case SQLITE_CANTOPEN, SQLITE_PERM: return .cannotOpen(queue: path, reason: Self.reason(handle))
        default: return .failed(queue: path, doing: doing, detail: "\(message) (SQLite code \(code))")
        }
    }

    /// Returns why the file cannot be opened, by the system's error number where there is one.
    private static func reason(_ handle: OpaquePointer) -> String {
        let number = sqlite3_system_errno(handle)
        guard number != 0 else { return message(handle) }
        let advice = number == ENOENT ? "; make its directory, or give another path" : ""
        return String(cString: strerror(number)) + advice
    }

    private static func message(_ handle: OpaquePointer) -> String {
        sqlite3_errmsg(handle).map { String(cString: $0) } ?? "unknown error"
    }
}
