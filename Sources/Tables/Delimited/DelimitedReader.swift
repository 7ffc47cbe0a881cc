import Base

/// Reads rows of CSV or TSV (RFC 4180) from any source of bytes, in constant memory and linear time.
///
/// A byte order mark is passed over. Rows end with LF, CR LF or CR; inside quotation marks all of them are text. Empty
/// lines are no rows. A quotation mark inside a field that does not begin with one is text. Files that are
/// compressed with gzip or zstd are recognized by their first bytes.
package final class DelimitedReader {
    private let source: BufferedSource
    private let limits: DelimitedLimits
    private let name: String
    private var scanner: RowScanner

    /// The fields of the first row, if the reader was told that they are the columns' names.
    package private(set) var header: [String]?
    /// The number of rows that were read, bad ones too.
    package private(set) var rows = 0

    /// - Parameters:
    ///   - name: names the file in errors.
    ///   - hasHeader: whether the first row holds the columns' names.
    /// - Throws: ``TableError`` where the header cannot be read; the error of the source.
    package init(
        _ source: any ByteSource, name: String, format: DelimitedFormat, hasHeader: Bool,
        limits: DelimitedLimits = DelimitedLimits()
    ) throws {
        let buffered = BufferedSource(source, capacity: 1 << 18)
        let compression = try StreamCompression(of: buffered)
        self.source =
            compression == .none ? buffered : BufferedSource(compression.content(of: buffered), capacity: 1 << 18)
        self.name = name
        self.limits = limits
        scanner = RowScanner(format, limits)
        if try self.source.peek(3).starts(with: [0xEF, 0xBB, 0xBF]) { self.source.take(3) }
        let start = try self.source.peek(2)
        guard !start.starts(with: [0xFF, 0xFE]), !start.starts(with: [0xFE, 0xFF]) else {
            throw TableError(
                .notUTF8, at: name,
                "it is UTF-16; convert it with `iconv -f UTF-16 -t UTF-8`, or save it as UTF-8")
        }
        if hasHeader {
            guard let first = try nextRow() else { throw TableError(.truncated, at: name, "there is no header row") }
            var names: [String] = []
            for index in 0..<first.count { names.append(try first.text(index)) }
            header = names
            rows = 0
        }
    }

    /// Returns the index of a column: by its name in the header, without a header by its number, from 1.
    ///
    /// - Throws: ``TableError`` with the code `missing`, also where two columns have the name.
    package func column(_ text: String) throws(TableError) -> Int {
        guard let header else {
            guard let number = Int(text), number >= 1, number <= limits.fields else {
                throw TableError(
                    .missing, at: name, "without a header, columns are numbered from 1, but \"\(text)\" is asked for")
            }
            return number - 1
        }
        let found = header.indices.filter { header[$0].utf8.elementsEqual(text.utf8) }
        guard let index = found.first else {
            throw TableError(
                .missing, at: name, "there is no column \"\(text)\"; there are \(TableError.list(header))")
        }
        guard found.count == 1 else {
            throw TableError(.missing, at: name, "\(found.count) columns are called \"\(text)\"")
        }
        return index
    }

    /// Returns the next row; nil at the end.
    ///
    /// - Throws: ``TableError`` for a row with a fault, also one with more or fewer fields than the header: the next
    ///   call returns the row behind it. The error of the source.
    package func next() throws -> DelimitedRow? {
        guard let row = try nextRow() else { return nil }
        if let header, row.count != header.count {
            throw TableError(
                .malformed, at: row.place,
                "the row has \(row.count.counted("field")), but the header has \(header.count)")
        }
        return row
    }

    private func nextRow() throws -> DelimitedRow? {
        while true {
            scanner.beginRow()
            while true {
                let bytes = try source.peek(1)
                guard !bytes.isEmpty else {
                    guard scanner.endOfSource() else { return nil }
                    break
                }
                let (taken, isComplete) = scanner.scan(bytes)
                source.take(taken)
                if isComplete { break }
            }
            if let row = try finishedRow(scanner.row) { return row }
        }
    }

    /// Returns the row that was scanned, nil for an empty line.
    private func finishedRow(_ row: RowBuilder) throws(TableError) -> DelimitedRow? {
        if row.isEmptyLine { return nil }
        rows += 1
        if let fault = row.fault {
            throw TableError(fault.code, at: "\(name), row \(rows) (line \(row.line))", fault.reason)
        }
        return DelimitedRow(number: rows, line: row.line, bytes: row.bytes, ends: row.ends, name: name)
    }
}
