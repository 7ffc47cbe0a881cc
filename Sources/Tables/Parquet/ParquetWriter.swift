import Base

/// Writes a parquet file: pages of version 1, plain values, one row group after the other. A row group at most is in
/// memory.
///
/// Whoever writes a file that must be whole or absent gives the descriptor of a temporary one, and renames it after
/// ``finish()``.
package final class ParquetWriter {
    /// A column of the file.
    package struct Column: Sendable, Equatable {
        package let name: String
        package let type: ParquetWriterType
        /// Whether the column may be null.
        package let isOptional: Bool

        package init(_ name: String, _ type: ParquetWriterType, isOptional: Bool = true) {
            self.name = name
            self.type = type
            self.isOptional = isOptional
        }
    }

    /// How pages are compressed.
    package enum Compression: Int, Sendable {
        case none = 0
        case zstd = 6
    }

    /// The most that the values of a row group take, in bytes; a single row may be larger.
    package static let groupSize = 64 << 20
    /// The size at which a page ends, in bytes.
    private static let pageSize = 1 << 20
    /// The number of values at which a page ends.
    private static let pageValues = 20_000
    /// Size of the largest value, in bytes: pages count theirs with 31 bits.
    package static let maximumValueSize = 1 << 30

    private struct Group {
        let chunks: [ParquetWrittenChunk]
        let rows: Int
    }

    private let descriptor: Int32
    private let name: String
    private let columns: [Column]
    private let compression: Compression
    private let groupSize: Int
    private var buffers: [ParquetColumnBuffer]
    private var groups: [Group] = []
    private var rowsInGroup = 0
    /// The number of bytes that were written.
    private var offset = 0

    /// Begins a file.
    ///
    /// - Parameters:
    ///   - descriptor: of an empty file, or of a pipe; not closed here.
    ///   - name: names the file in errors.
    ///   - columns: one at least.
    /// - Throws: ``TableError`` where two columns have one name, or the file cannot be written.
    package init(
        descriptor: Int32, name: String, columns: [Column], compression: Compression = .zstd,
        groupSize: Int = ParquetWriter.groupSize
    ) throws(TableError) {
        guard !columns.isEmpty, Set(columns.map { ExactText($0.name) }).count == columns.count else {
            throw TableError(.malformed, at: name, "a parquet file has one column at least, and no two of one name")
        }
        self.descriptor = descriptor
        self.name = name
        self.columns = columns
        self.compression = compression
        self.groupSize = min(max(groupSize, 1), Self.groupSize)
        buffers = columns.map { ParquetColumnBuffer($0) }
        try write(Array("PAR1".utf8))
    }

    /// The number of rows so far.
    package var rowCount: Int { groups.reduce(rowsInGroup) { $0 + $1.rows } }

    /// Appends a row. It is not in the file before its row group is.
    ///
    /// - Parameter values: one of each column, in order. A text or binary value is `.bytes`.
    /// - Throws: ``TableError`` where a value does not fit its column: the row is not written; or where the file cannot
    ///   be written.
    package func append(_ values: [ParquetValue]) throws(TableError) {
        guard values.count == columns.count else {
            throw TableError(
                .malformed, at: name, "a row has \(values.count) values, but there are \(columns.count) columns")
        }
        var size = 0
        for (index, value) in values.enumerated() {
            size += try columns[index].size(of: value, file: name)
        }
        if rowsInGroup > 0, buffers.reduce(size, { $0 + $1.size }) > groupSize { try endGroup() }
        rowsInGroup += 1
        for (index, value) in values.enumerated() {
            buffers[index].append(value)
            if buffers[index].openSize >= Self.pageSize || buffers[index].openValues >= Self.pageValues {
                try endPage(index)
            }
        }
    }

    private func endPage(_ index: Int) throws(TableError) {
        do throws(CompressionError) {
            try buffers[index].endPage(compression)
        } catch {
            throw TableError(.unreadable, at: "\(name), column \(columns[index].name)", "\(error)")
        }
    }

    /// Writes the rows so far as a row group, if there are any.
    ///
    /// - Throws: ``TableError`` where the file cannot be written.
    package func endGroup() throws(TableError) {
        guard rowsInGroup > 0 else { return }
        var chunks: [ParquetWrittenChunk] = []
        for index in buffers.indices {
            try endPage(index)
            let chunk = buffers[index].takeChunk(offset: offset)
            for page in chunk.pages { try write(page) }
            chunks.append(chunk.description)
        }
        groups.append(Group(chunks: chunks, rows: rowsInGroup))
        rowsInGroup = 0
    }

    /// Writes what is left and the description of the file, which is whole then. Nothing may be appended afterwards.
    ///
    /// - Throws: ``TableError`` where the file cannot be written.
    package func finish() throws(TableError) {
        try endGroup()
        var thrift = ThriftWriter()
        thrift.structure { thrift in
            thrift.int32(1, 2)
            ParquetWriterSchema.write(columns, to: &thrift)
            thrift.int64(3, groups.reduce(0) { $0 + $1.rows })
            thrift.list(4, of: .structure, groups) { thrift, group in write(group, to: &thrift) }
            thrift.text(6, "paligemma")
        }
        let length = UInt32(truncatingIfNeeded: thrift.bytes.count)
        guard thrift.bytes.count <= Int32.max else {
            throw TableError(.tooLarge, at: name, "the description of the file has more than 2 GiB")
        }
        try write(thrift.bytes + (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array("PAR1".utf8))
    }

    private func write(_ group: Group, to thrift: inout ThriftWriter) {
        thrift.structure { thrift in
            thrift.list(1, of: .structure, Array(zip(columns, group.chunks))) { thrift, pair in
                let (column, chunk) = pair
                thrift.structure { thrift in
                    thrift.int64(2, chunk.offset)
                    thrift.structure(3) { thrift in
                        thrift.int32(1, column.type.stored.rawValue)
                        thrift.list(2, of: .int32, [0, 3]) { $0.element($1) }
                        thrift.list(3, of: .binary, column.path) { $0.element($1) }
                        thrift.int32(4, compression.rawValue)
                        thrift.int64(5, chunk.values)
                        thrift.int64(6, chunk.uncompressedSize)
                        thrift.int64(7, chunk.compressedSize)
                        thrift.int64(9, chunk.offset)
                    }
                }
            }
            thrift.int64(2, group.chunks.reduce(0) { $0 + $1.uncompressedSize })
            thrift.int64(3, group.rows)
        }
    }

    private func write(_ bytes: [UInt8]) throws(TableError) {
        do throws(SystemError) {
            try writeAll(bytes.span.bytes, to: descriptor)
        } catch {
            throw TableError(
                .unreadable, at: name, "the file cannot be written: \(error.isDiskFull ? "no space left" : "\(error)")")
        }
        offset += bytes.count
    }
}
