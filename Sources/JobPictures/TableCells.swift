import Base
import Pictures
import Queue
import Tables

/// Reads pictures out of cells of parquet files. The files that were used last stay open, with the pages that were read last:
/// jobs come mostly in the order of rows.
final class TableCells: Sendable {
    private struct Open {
        let path: String
        let identity: FileIdentity?
        let file: ParquetFile
    }

    private static let maximumOpen = 4
    /// One thread at a time reads; unpacking a page is quick beside decoding its pictures.
    private let open = Locked<UncheckedList>(UncheckedList())

    /// @unchecked: only used while the lock is held.
    private struct UncheckedList: @unchecked Sendable {
        var files: [Open] = []
    }

    /// - Throws: `TableError`, `FileError`; `ImageError` where the cell is empty.
    func bytes(of image: JobImage, column: String, row: Int64) throws -> [UInt8] {
        let result = open.withLock { list in
            Result { try Self.value(of: image, column: column, row: row, in: &list.files) }
        }
        switch try result.get() {
        case .bytes(let bytes): return bytes
        case .null: throw ImageError(.missing, at: image.name, "the cell of the column \(column) is null")
        default: throw ImageError(.unreadable, at: image.name, "the column \(column) holds no bytes")
        }
    }

    private static func value(
        of image: JobImage, column: String, row: Int64, in files: inout [Open]
    ) throws -> ParquetValue {
        let identity = FileIdentity(path: image.path)
        files.removeAll { $0.path.isExactly(image.path) && $0.identity != identity }
        if let index = files.firstIndex(where: { $0.path.isExactly(image.path) }) {
            files.append(files.remove(at: index))
        } else {
            if files.count == maximumOpen { files.removeFirst() }
            files.append(Open(path: image.path, identity: identity, file: try ParquetFile(path: image.path)))
        }
        guard let file = files.last?.file else { return .null }
        guard let number = Int(exactly: row), number < file.rowCount else {
            throw TableError(.missing, at: image.path, "row \(row) is asked for, but there are \(file.rowCount)")
        }
        return try file.cell(column: try file.column(column), row: number)
    }
}
