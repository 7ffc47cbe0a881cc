import Base

/// The description at the end of a parquet file. Row groups are read when they are needed: a file may have very many.
struct ParquetFooter {
    /// A row group, and where the description has its columns.
    struct Group {
        /// The number of rows before the group.
        var firstRow: Int
        var rows: Int
        /// The bytes of the description that hold the group.
        var bytes: Range<Int>
    }

    let columns: [ParquetColumn]
    let rows: Int
    let groups: [Group]
    private let bytes: [UInt8]
    /// Offset of the description, where the pages end.
    let offset: Int

    /// Reads the description of the file called `name`.
    ///
    /// - Throws: ``TableError``; the error of the source.
    init(_ source: any ByteRangeSource, name: String, limits: ParquetLimits) throws {
        guard source.size >= 12 else {
            throw TableError(
                .truncated, at: name, "the file has \(source.size.counted("byte")), which is no parquet file")
        }
        let start = try source.bytes(at: 0, count: 4)
        let end = try source.bytes(at: source.size - 8, count: 8)
        if end.holds("PARE", at: 4) || start.holds("PARE") {
            throw TableError(.encrypted, at: name, "the parquet file is encrypted; write it without encryption")
        }
        guard start.holds("PAR1") else {
            throw TableError(.malformed, at: name, "this is no parquet file: it does not begin with PAR1")
        }
        guard end.holds("PAR1", at: 4), let length = end.littleEndian32(at: 0) else {
            throw TableError(.truncated, at: name, "the parquet file is cut: it does not end with PAR1")
        }
        guard length <= source.size - 12 else {
            throw TableError(.malformed, at: name, "the description at the end would be longer than the file")
        }
        guard length <= limits.footerSize else {
            throw TableError(.tooLarge, at: name, "the description at the end has more than \(limits.footerSize) bytes")
        }
        offset = source.size - 8 - length
        bytes = try source.bytes(at: offset, count: length)
        do throws(ParquetFault) {
            let content = try Self.content(bytes, limits: limits)
            guard !content.isEncrypted else {
                throw ParquetFault.malformed("its columns are encrypted; write it without encryption")
            }
            (columns, groups, rows) = (content.columns, content.groups, content.rows)
        } catch {
            throw TableError(fault: error, at: name, "the description at the end")
        }
    }

    private struct Content {
        var columns: [ParquetColumn] = []
        var groups: [Group] = []
        var rows = 0
        var isEncrypted = false
    }

    private static func content(_ bytes: [UInt8], limits: ParquetLimits) throws(ParquetFault) -> Content {
        var reader = ThriftReader(ParquetBytes(bytes, bytes.indices))
        var content = Content()
        var announced = 0
        // Without checksums, a damaged byte may turn any of these into something else that is passed over.
        var missing: Set = [2, 3, 4]
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            switch (id, kind) {
            case (2, .list): content.columns = try ParquetSchema(&reader, limits: limits).columns
            case (3, .int64): announced = try reader.size()
            case (4, .list):
                let (count, kind) = try reader.list()
                guard count <= limits.groups else {
                    throw .malformed("there are more than \(limits.groups) row groups")
                }
                guard count == 0 || kind == .structure else { throw .malformed("row groups are no structures") }
                for _ in 0..<count {
                    let group = try group(&reader, firstRow: content.rows)
                    content.groups.append(group)
                    let (sum, overflow) = content.rows.addingReportingOverflow(group.rows)
                    guard !overflow else { throw .malformed("the number of rows has more than 63 bits") }
                    content.rows = sum
                }
            case (8, _):
                content.isEncrypted = true
                return false
            default: return false
            }
            missing.remove(Int(id))
            return true
        }
        guard missing.isEmpty else { throw .malformed("columns, number of rows or row groups are missing") }
        guard content.rows <= limits.rows else { throw .malformed("it has more than \(limits.rows) rows") }
        guard announced == content.rows else {
            throw .malformed("it announces \(announced) rows, but its groups have \(content.rows)")
        }
        return content
    }

    private static func group(_ reader: inout ThriftReader, firstRow: Int) throws(ParquetFault) -> Group {
        var group = Group(firstRow: firstRow, rows: 0, bytes: 0..<0)
        let start = reader.position
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            guard id == 3, kind == .int64 else { return false }
            group.rows = try reader.size()
            return true
        }
        group.bytes = start..<reader.position
        return group
    }

    /// Reads where a group has its columns.
    ///
    /// - Throws: ``ParquetFault``.
    func chunks(of group: Group) throws(ParquetFault) -> [ParquetChunk] {
        var reader = ThriftReader(ParquetBytes(bytes, group.bytes))
        var chunks: [ParquetChunk] = []
        let expected = columns.count
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            guard id == 1, kind == .list else { return false }
            let (count, kind) = try reader.list()
            guard count == expected, count == 0 || kind == .structure else {
                throw .malformed("a row group has \(count) columns, but the schema has \(expected)")
            }
            for _ in 0..<count { chunks.append(try ParquetChunk(&reader)) }
            return true
        }
        guard chunks.count == expected else { throw .malformed("a row group has no columns") }
        return chunks
    }
}

extension TableError {
    /// The error of a structure that cannot be read.
    init(fault: ParquetFault, at place: String, _ what: String) {
        switch fault {
        case .truncated: self.init(.malformed, at: place, "\(what) is damaged: it ends inside a value")
        case .malformed(let reason): self.init(.malformed, at: place, "\(what) is damaged: \(reason)")
        case .unsupported(let part): self.init(.unsupported, at: place, "\(what) has \(part), which cannot be read")
        }
    }
}
