import Base

/// A parquet file: its columns, single cells of it, and its rows as a stream. One thread at a time uses it.
package final class ParquetFile {
    package let columns: [ParquetColumn]
    /// The number of rows.
    package let rowCount: Int
    /// Names the file in errors.
    package let name: String
    private let source: any ByteRangeSource
    private let footer: ParquetFooter
    private let limits: ParquetLimits
    /// The chunks of the row group that was used last.
    private var chunks: (group: Int, chunks: [ParquetChunk])?
    /// What the last cell of each column was read from.
    private var cells: [Int: ParquetCellReader] = [:]

    /// Reads the description of a file.
    ///
    /// - Parameter name: names the file in errors.
    /// - Throws: ``TableError``; the error of the source.
    package init(_ source: any ByteRangeSource, name: String, limits: ParquetLimits = ParquetLimits()) throws {
        self.source = source
        self.name = name
        self.limits = limits
        footer = try ParquetFooter(source, name: name, limits: limits)
        columns = footer.columns
        rowCount = footer.rows
    }

    /// Opens the file at `path`.
    ///
    /// - Throws: ``TableError``; ``FileError`` where the file cannot be read.
    package convenience init(path: String, limits: ParquetLimits = ParquetLimits()) throws {
        try self.init(try FileRangeSource(path: path), name: path, limits: limits)
    }

    /// Returns the index of the column that people call `text`, like `caption`, or `image.bytes` for a field of a
    /// structure.
    ///
    /// - Throws: ``TableError`` with the code `missing` where there is none, or it has several columns inside.
    package func column(_ text: String) throws(TableError) -> Int {
        let exact = columns.indices.filter { columns[$0].name.utf8.elementsEqual(text.utf8) }
        if exact.count == 1 { return exact[0] }
        let path = columns.indices.filter { columns[$0].path.joined(separator: ".").utf8.elementsEqual(text.utf8) }
        if path.count == 1 { return path[0] }
        let inside = columns.filter { $0.name.utf8.starts(with: (text + ".").utf8) }.map(\.name)
        guard exact.isEmpty, inside.isEmpty else {
            let names = TableError.list(exact.map { columns[$0].name } + inside)
            throw TableError(.missing, at: name, "column \"\(text)\" is not a single one; name one of \(names)")
        }
        let names = TableError.list(columns.lazy.map(\.name))
        throw TableError(.missing, at: name, "there is no column \"\(text)\"; there are \(names)")
    }

    /// Reads one value of a column without lists. The page that it was in stays in memory, so that its neighbors are
    /// found at once.
    ///
    /// - Parameters:
    ///   - column: index in ``columns``.
    ///   - row: from 0, below ``rowCount``.
    /// - Throws: ``TableError``; the error of the source.
    package func cell(column: Int, row: Int) throws -> ParquetValue {
        try check(column: column)
        guard row >= 0, row < rowCount else {
            throw TableError(.missing, at: place(column), "row \(row) is asked for, but there are \(rowCount)")
        }
        guard !columns[column].isList else {
            throw TableError(.unsupported, at: place(column), "a single row of a list is asked for")
        }
        let group = self.group(of: row)
        if cells[column]?.group != group {
            cells[column] = nil
            cells[column] = ParquetCellReader(
                group: group, pages: try pages(column: column, group: group), maximumPages: limits.pages)
        }
        let rowInGroup = row - footer.groups[group].firstRow
        guard let value = try cells[column]?.value(rowInGroup) else {
            throw TableError(.malformed, at: place(column), "row \(row) is in no page")
        }
        return value
    }

    /// Returns the rows of some columns as a stream, which holds a page a column in memory.
    ///
    /// - Parameters:
    ///   - columns: indices in ``columns``.
    ///   - row: the first row, from 0.
    /// - Throws: ``TableError`` where a column cannot be read.
    package func rows(of columns: [Int], from row: Int = 0) throws -> ParquetRows {
        for column in columns {
            try check(column: column)
            guard self.columns[column].repetitionLevel <= 1 else {
                throw TableError(.unsupported, at: place(column), "lists of lists cannot be read; leave the column out")
            }
        }
        return try ParquetRows(self, columns: columns, from: row)
    }

    private func check(column: Int) throws(TableError) {
        guard columns.indices.contains(column) else {
            throw TableError(.missing, at: name, "column \(column) is asked for, but there are \(columns.count)")
        }
    }

    /// Names file and column in errors.
    func place(_ column: Int) -> String { "\(name), column \(columns[column].name)" }

    /// The number of row groups.
    var groupCount: Int { footer.groups.count }

    /// Returns the rows of a group, as numbers from the start of the file.
    func rows(inGroup group: Int) -> Range<Int> {
        let group = footer.groups[group]
        return group.firstRow..<group.firstRow + group.rows
    }

    /// Returns the group that has a row; the number of groups for rows behind the last.
    func group(of row: Int) -> Int {
        var (low, high) = (0, footer.groups.count)
        while low < high {
            let middle = (low + high) / 2
            if rows(inGroup: middle).upperBound <= row { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Returns what finds and reads the pages of a column in a group.
    ///
    /// - Throws: ``TableError``.
    func pages(column: Int, group: Int) throws(TableError) -> ParquetChunkReader {
        if chunks?.group != group {
            do throws(ParquetFault) {
                chunks = (group, try footer.chunks(of: footer.groups[group]))
            } catch {
                throw TableError(fault: error, at: name, "the description of row group \(group)")
            }
        }
        guard let chunk = chunks?.chunks[column] else { throw TableError(.malformed, at: name, "a column is missing") }
        guard columns[column].isList || chunk.values == footer.groups[group].rows else {
            throw TableError(
                .malformed, at: place(column),
                "row group \(group) has \(footer.groups[group].rows) rows, but \(chunk.values) values")
        }
        return try ParquetChunkReader(
            source, column: columns[column], chunk: chunk, dataEnd: footer.offset, limits: limits, place: place(column))
    }

    /// The most that a list may hold.
    var listLimits: (elements: Int, size: Int) { (limits.listElements, limits.listSize) }
}
