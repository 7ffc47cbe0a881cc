import CPostgres

/// What a statement returned, in binary form. Columns count from 0.
final class PostgresRows {
    private let result: OpaquePointer
    let count: Int

    /// Takes over the result.
    init(_ result: OpaquePointer) {
        self.result = result
        count = Int(PQntuples(result))
    }

    deinit { PQclear(result) }

    /// Rows that the statement changed.
    var changes: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

    subscript(row: Int) -> Row { Row(rows: self, index: Int32(row)) }

    func map<Element, Failure: Error>(
        _ read: (Row) throws(Failure) -> Element
    ) throws(Failure) -> [Element] {
        var elements: [Element] = []
        for row in 0..<count { elements.append(try read(self[row])) }
        return elements
    }

    var first: Row? { count > 0 ? self[0] : nil }

    /// One row; lives as long as its rows.
    struct Row {
        fileprivate let rows: PostgresRows
        fileprivate let index: Int32

        /// Of any integer type, and of booleans.
        func integer(_ column: Int32) -> Int64 {
            let bytes = self.bytes(column)
            guard let first = bytes.first else { return 0 }
            return bytes.dropFirst().reduce(Int64(Int8(bitPattern: first))) { $0 << 8 | Int64($1) }
        }

        func integerOrNil(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }
        func flag(_ column: Int32) -> Bool { integer(column) != 0 }
        func real(_ column: Int32) -> Double { Double(bitPattern: UInt64(bitPattern: integer(column))) }
        func text(_ column: Int32) -> String {
            PostgresText.decode(String(decoding: bytes(column), as: UTF8.self))
        }
        func textOrNil(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

        func bytes(_ column: Int32) -> [UInt8] {
            guard let start = PQgetvalue(rows.result, index, column) else { return [] }
            let count = Int(PQgetlength(rows.result, index, column))
            return Array(UnsafeRawBufferPointer(start: start, count: count))
        }

        private func isNull(_ column: Int32) -> Bool { PQgetisnull(rows.result, index, column) != 0 }
    }
}
