/// The rows of some columns of a parquet file, from front to back.
package final class ParquetRows {
    /// The number of the row that comes next, from 0.
    package private(set) var nextRow: Int
    private let count: Int
    private var readers: [ParquetColumnReader]

    init(_ file: ParquetFile, columns: [Int], from row: Int) throws {
        nextRow = max(row, 0)
        count = file.rowCount
        readers = columns.map { ParquetColumnReader(file, column: $0) }
        guard nextRow < count else { return }
        for index in readers.indices { try readers[index].start(at: nextRow) }
    }

    /// Returns the values of the next row, in the order in which the columns were asked for; nil behind the last row.
    ///
    /// - Throws: ``TableError``; the error of the source. There are no rows behind an error.
    package func next() throws -> [ParquetValue]? {
        guard nextRow < count else { return nil }
        let row = nextRow
        nextRow = count
        var values: [ParquetValue] = []
        values.reserveCapacity(readers.count)
        for index in readers.indices { values.append(try readers[index].next()) }
        nextRow = row + 1
        return values
    }
}

/// The values of one column, from front to back.
private struct ParquetColumnReader {
    private let file: ParquetFile
    private let column: Int
    private let description: ParquetColumn
    private var group = -1
    private var rowsLeft = 0
    private var pages: ParquetChunkReader?
    private var page: ParquetPage?
    private var encoding = 0
    /// Whether the repetition level of the next value was read already: it is 0.
    private var isRowBegun = false

    init(_ file: ParquetFile, column: Int) {
        self.file = file
        self.column = column
        description = file.columns[column]
    }

    /// Goes to a row that the file has.
    mutating func start(at row: Int) throws {
        group = file.group(of: row)
        let rows = file.rows(inGroup: group)
        rowsLeft = rows.upperBound - row
        pages = try file.pages(column: column, group: group)
        let skipped = row - rows.lowerBound
        if description.isList {
            rowsLeft = rows.count
            for _ in 0..<skipped { _ = try next() }
            return
        }
        while skipped > 0, let found = try pages?.nextPage() {
            guard found.firstValue + found.header.values > skipped else { continue }
            try read(found)
            try decoding { (page) throws(ParquetFault) in try page.skip(skipped - found.firstValue) }
            return
        }
    }

    mutating func next() throws -> ParquetValue {
        while rowsLeft == 0 {
            group += 1
            rowsLeft = file.rows(inGroup: group).count
            pages = try file.pages(column: column, group: group)
            page = nil
            isRowBegun = false
        }
        rowsLeft -= 1
        if description.isList { return try nextList() }
        guard try hasValue() else { throw missingRow }
        return try decoding { (page) throws(ParquetFault) in try page.next() }
    }

    private var missingRow: TableError {
        TableError(.malformed, at: file.place(column), "the pages of row group \(group) have too few rows")
    }

    /// Finds the page of the next value; false behind the last of the group.
    private mutating func hasValue() throws -> Bool {
        if let page, page.left > 0 { return true }
        page = nil
        guard let found = try pages?.nextPage() else { return false }
        try read(found)
        return true
    }

    private mutating func read(_ found: ParquetChunkReader.Page) throws {
        page = nil
        page = try pages?.read(found)
        encoding = found.header.encoding
    }

    private mutating func decoding<Result>(
        _ body: (inout ParquetPage) throws(ParquetFault) -> Result
    ) throws -> Result {
        guard var current = page else { throw missingRow }
        page = nil
        defer { page = current }
        do throws(ParquetFault) {
            return try body(&current)
        } catch {
            throw pages?.error(error, encoding: encoding) ?? missingRow
        }
    }

    private mutating func nextList() throws -> ParquetValue {
        var elements: [ParquetValue] = []
        var size = 0
        var isFirst = true
        while true {
            guard try hasValue() else {
                if isFirst { throw missingRow }
                return .list(elements)
            }
            if !isRowBegun {
                let level = try decoding { (page) throws(ParquetFault) in try page.nextRepetition() }
                isRowBegun = level == 0
                if isFirst, level != 0 { throw missingRow }
            }
            if isRowBegun, !isFirst { return .list(elements) }
            isRowBegun = false
            let description = description
            let (level, value) = try decoding { (page) throws(ParquetFault) in
                let level = try page.nextDefinition()
                return (level, level == description.definitionLevel ? try page.value() : .null)
            }
            if isFirst, level < description.elementLevel {
                // No element: the list is empty, or it or what it lies in is null.
                return level == description.elementLevel - 1 ? .list([]) : .null
            }
            isFirst = false
            elements.append(value)
            if case .bytes(let bytes) = value { size += bytes.count }
            try check(elements.count, size)
        }
    }

    private func check(_ elements: Int, _ size: Int) throws(TableError) {
        let limits = file.listLimits
        guard elements <= limits.elements, size <= limits.size else {
            throw TableError(
                .tooLarge, at: file.place(column),
                "a list has more than \(limits.elements) elements or more than \(limits.size) bytes")
        }
    }
}
