import CPostgres
import Foundation

/// One connection to the server: its prepared statements, its transactions. To be used by one thread at a time.
///
/// Through a pooler such as PgBouncer, each transaction may meet another process of the server, which knows neither the
/// statements nor the settings of the one before. Then statements are not prepared, and every statement is in a transaction that
/// makes the settings for itself.
final class PostgresConnection {
    private let handle: OpaquePointer
    private let address: PostgresAddress
    private var queue: String { address.masked }
    /// Statements that the server knows, and the names that it knows them by.
    private var prepared: [String: String] = [:]
    private let notices = Notices()
    /// Whether a pooler is between this side and the server.
    private(set) var isPooled = false
    private var isInTransaction = false

    /// Ahead of what the address says: a server or a link that falls silent is noticed after some 15 s.
    private static let defaults = [
        ("connect_timeout", "5"), ("keepalives_idle", "5"), ("keepalives_interval", "3"), ("keepalives_count", "3"),
        ("tcp_user_timeout", "15000"), ("fallback_application_name", "paligemma"),
    ]
    /// Behind it: what we rely on.
    private static let settings = [("client_encoding", "UTF8")]

    init(_ address: PostgresAddress) throws(PostgresError) {
        self.address = address
        let parameters = Self.defaults + [("dbname", address.url)] + Self.settings
        let opened = Self.withCStrings(parameters.map(\.0)) { keywords in
            Self.withCStrings(parameters.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
        }
        guard let opened else { throw .final(.unreachable(queue: address.masked, reason: "out of memory")) }
        guard PQstatus(opened) == CONNECTION_OK else {
            let message = address.tidy(String(cString: PQerrorMessage(opened)))
            PQfinish(opened)
            throw PostgresError(connecting: message, queue: address.masked)
        }
        handle = opened
        // A library does not print. The last notice is kept: what a pooler says before it closes a connection comes as one where
        // it arrives between two statements.
        PQsetNoticeProcessor(
            handle,
            { context, message in
                guard let context, let message else { return }
                Unmanaged<Notices>.fromOpaque(context).takeUnretainedValue().last = String(cString: message)
            }, Unmanaged.passUnretained(notices).toOpaque())
        let doing = "opening it"
        let process = try rows(
            of: PQexecParams(handle, "SELECT pg_backend_pid()", 0, nil, nil, nil, nil, 1), doing: doing)
        // A pooler gives the client a number of its own.
        isPooled = process.first?.integer(0) != Int64(PQbackendPID(handle))
        if !isPooled { try execute(PostgresStatements.session, doing: doing) }
    }

    deinit { PQfinish(handle) }

    /// Runs statements without values that return nothing.
    func execute(_ sql: String, doing: String) throws(PostgresError) {
        _ = try rows(of: PQexec(handle, sql), doing: doing)
    }

    /// Runs one statement with values. Without a pooler it is prepared once and kept as long as the connection.
    @discardableResult
    func run(_ sql: String, _ values: [PostgresValue] = [], doing: String) throws(PostgresError) -> PostgresRows {
        guard isPooled, !isInTransaction else { return try runOnce(sql, values, doing: doing) }
        return try transaction(doing: doing) { () throws(PostgresError) in try runOnce(sql, values, doing: doing) }
    }

    private func runOnce(_ sql: String, _ values: [PostgresValue], doing: String) throws(PostgresError) -> PostgresRows
    {
        let name = isPooled ? nil : try prepare(sql, values, doing: doing)
        let encoded = values.map(\.encoded)
        var lengths = encoded.map { Int32(clamping: $0?.count ?? 0) }
        var formats = [Int32](repeating: 1, count: values.count)
        // One buffer for all values, since their addresses must be valid together.
        let buffer = encoded.reduce(into: [UInt8]()) { $0 += $1 ?? [] } + [0]
        let result = buffer.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                var offset = 0
                var pointers = encoded.map { value -> UnsafePointer<CChar>? in
                    guard let value else { return nil }
                    defer { offset += value.count }
                    return characters.baseAddress.map { $0 + offset }
                }
                guard let name else {
                    let types = values.map(\.type)
                    return PQexecParams(handle, sql, Int32(values.count), types, &pointers, &lengths, &formats, 1)
                }
                return PQexecPrepared(handle, name, Int32(values.count), &pointers, &lengths, &formats, 1)
            }
        }
        return try rows(of: result, doing: doing)
    }

    // MARK: Notifications

    /// What can be waited for, until the server says something.
    var descriptor: Int32 { PQsocket(handle) }

    /// Returns what came in notifications since the last call.
    func notifications() throws(PostgresError) -> [String] {
        guard PQconsumeInput(handle) == 1 else {
            throw PostgresError(
                state: "", message: address.tidy(String(cString: PQerrorMessage(handle))), isConnected: false,
                queue: queue, doing: "listening")
        }
        var messages: [String] = []
        while let notification = PQnotifies(handle) {
            messages.append(String(cString: notification.pointee.extra))
            PQfreemem(notification)
        }
        return messages
    }

    /// Everything in `body` or nothing.
    func transaction<Result>(
        doing: String, _ body: () throws(PostgresError) -> Result
    ) throws(PostgresError) -> Result {
        try execute(isPooled ? PostgresStatements.beginPooled : PostgresStatements.begin, doing: doing)
        isInTransaction = true
        defer { isInTransaction = false }
        do throws(PostgresError) {
            let result = try body()
            try execute("COMMIT", doing: doing)
            return result
        } catch {
            // On a connection that is gone this fails, and there is nothing to undo.
            PQclear(PQexec(handle, "ROLLBACK"))
            throw error
        }
    }

    private func prepare(
        _ sql: String, _ values: [PostgresValue], doing: String
    ) throws(PostgresError) -> String {
        if let name = prepared[sql] { return name }
        let name = "s\(prepared.count)"
        let types = values.map(\.type)
        _ = try rows(of: PQprepare(handle, name, sql, Int32(types.count), types), doing: doing)
        prepared[sql] = name
        return name
    }

    private func rows(of result: OpaquePointer?, doing: String) throws(PostgresError) -> PostgresRows {
        guard let result else {
            throw PostgresError(
                state: "", message: address.tidy(notices.last + String(cString: PQerrorMessage(handle))),
                isConnected: false,
                queue: queue, doing: doing)
        }
        let status = PQresultStatus(result)
        if status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK { return PostgresRows(result) }
        defer { PQclear(result) }
        let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) } ?? ""
        let primary = PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { address.tidy(String(cString: $0)) }
        // A pooler that closes the connection says why before it; the result has only its end.
        let last = address.tidy(notices.last + String(cString: PQerrorMessage(handle)))
        let message =
            PQstatus(handle) == CONNECTION_OK
            ? primary ?? address.tidy(String(cString: PQresultErrorMessage(result))) : last
        throw PostgresError(
            state: state, message: message, isConnected: PQstatus(handle) == CONNECTION_OK, queue: queue, doing: doing)
    }

    /// An array of C strings with a null at its end.
    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
    ) -> Result {
        let copies = strings.map { string in
            string.withCString { UnsafePointer(strdup($0)) }
        }
        defer { for copy in copies { free(UnsafeMutablePointer(mutating: copy)) } }
        return (copies + [nil]).withUnsafeBufferPointer { body($0.baseAddress) }
    }
}

/// What the server said beside its replies.
private final class Notices {
    var last = ""
}
