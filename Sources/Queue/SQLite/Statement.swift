import CSQLite

/// A prepared statement.
final class Statement {
    enum Value {
        case null
        case integer(Int64)
        case real(Double)
        case text(String)
        case blob([UInt8])

        static func integer(_ number: Int) -> Value { .integer(Int64(number)) }
        static func textOrNull(_ text: String?) -> Value { text.map(Value.text) ?? .null }
        static func state(_ state: JobState) -> Value { .integer(state.rawValue) }
    }

    private let handle: OpaquePointer
    private unowned let connection: Connection
    private let doing: String

    init(_ handle: OpaquePointer, of connection: Connection, doing: String) {
        self.handle = handle
        self.connection = connection
        self.doing = doing
    }

    /// Frees it; called once, by the connection.
    func finalize() {
        sqlite3_finalize(handle)
    }

    /// Goes back to before the first row and releases the locks of a query.
    func reset() {
        sqlite3_reset(handle)
    }

    func bind(_ values: [Value]) throws(QueueError) {
        precondition(values.count == Int(sqlite3_bind_parameter_count(handle)), "a value for every parameter")
        for (index, value) in values.enumerated() {
            let code = bind(value, at: Int32(index + 1))
            guard code == SQLITE_OK else { throw connection.error(code, doing: doing) }
        }
    }

    /// Moves to the next row; returns whether there is one.
    func step() throws(QueueError) -> Bool {
        let code = sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw connection.error(code, doing: doing)
        }
    }

    var fullScanSteps: Int { Int(sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0)) }

    // MARK: Columns of the row, from 0

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func integerOrNil(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }
    func real(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }
    func text(_ column: Int32) -> String { textOrNil(column) ?? "" }

    func textOrNil(_ column: Int32) -> String? {
        guard let start = sqlite3_column_text(handle, column) else { return nil }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// Returns the numbers whose bytes a blob holds.
    func numbers<Number: BitwiseCopyable>(_ column: Int32, of type: Number.Type) -> [Number] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        let count = Int(sqlite3_column_bytes(handle, column)) / MemoryLayout<Number>.size
        return (0..<count).map { start.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self) }
    }

    private func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    private func bind(_ value: Value, at index: Int32) -> Int32 {
        // SQLITE_TRANSIENT, a cast in a macro: SQLite makes a copy of its own.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: return sqlite3_bind_null(handle, index)
        case .integer(let number): return sqlite3_bind_int64(handle, index, number)
        case .real(let number): return sqlite3_bind_double(handle, index, number)
        case .text(var text):
            return text.withUTF8 { utf8 in
                utf8.withMemoryRebound(to: CChar.self) { characters in
                    // No address would mean NULL instead of an empty text.
                    guard let start = characters.baseAddress, characters.count > 0 else {
                        return sqlite3_bind_text(handle, index, "", 0, transient)
                    }
                    return sqlite3_bind_text(handle, index, start, Int32(clamping: characters.count), transient)
                }
            }
        case .blob(let bytes):
            if bytes.isEmpty { return sqlite3_bind_zeroblob(handle, index, 0) }
            return sqlite3_bind_blob(handle, index, bytes, Int32(clamping: bytes.count), transient)
        }
    }
}
