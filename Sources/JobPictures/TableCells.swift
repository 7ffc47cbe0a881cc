import Base
import Fetch
import Pictures
import Queue
import Tables

/// Reads pictures out of cells of parquet files. The files that were used last stay open, with the pages that were read last:
/// jobs come mostly in the order of rows.
///
/// `Identity` is what tells a file apart from another one at its path.
final class TableCells<Identity: Equatable & Sendable>: Sendable {
    private struct Open {
        let path: String
        let identity: Identity
        let file: ParquetFile
    }

    private let maximumOpen: Int
    private let identify: @Sendable (JobImage) -> Identity
    private let openFile: @Sendable (JobImage) throws -> ParquetFile
    /// One thread at a time reads; unpacking a page is quick beside decoding its pictures.
    private let open = Locked<UncheckedList>(UncheckedList())

    /// @unchecked: only used while the lock is held.
    private struct UncheckedList: @unchecked Sendable {
        var files: [Open] = []
    }

    /// - Parameters:
    ///   - maximumOpen: The most files that stay open, at least one.
    ///   - identify: Returns what tells the file of a picture apart from another one at its path.
    ///   - openFile: Opens the file of a picture.
    init(
        maximumOpen: Int, identify: @escaping @Sendable (JobImage) -> Identity,
        openFile: @escaping @Sendable (JobImage) throws -> ParquetFile
    ) {
        self.maximumOpen = maximumOpen
        (self.identify, self.openFile) = (identify, openFile)
    }

    /// - Throws: `TableError`, `FileError`, `FetchError`; `ImageError` where the cell is empty.
    func bytes(of image: JobImage, column: String, row: Int64) throws -> [UInt8] {
        let result = open.withLock { list in
            Result { try value(of: image, column: column, row: row, in: &list.files) }
        }
        switch try result.get() {
        case .bytes(let bytes): return bytes
        case .null: throw ImageError(.missing, at: image.name, "the cell of the column \(column) is null")
        default: throw ImageError(.unreadable, at: image.name, "the column \(column) holds no bytes")
        }
    }

    private func value(of image: JobImage, column: String, row: Int64, in files: inout [Open]) throws -> ParquetValue {
        let identity = identify(image)
        files.removeAll { $0.path.isExactly(image.path) && $0.identity != identity }
        if let index = files.firstIndex(where: { $0.path.isExactly(image.path) }) {
            files.append(files.remove(at: index))
        } else {
            if files.count >= maximumOpen { files.removeFirst() }
            files.append(Open(path: image.path, identity: identity, file: try openFile(image)))
        }
        guard let file = files.last?.file else { return .null }
        guard let number = Int(exactly: row), number < file.rowCount else {
            throw TableError(.missing, at: image.name, "row \(row) is asked for, but there are \(file.rowCount)")
        }
        do {
            return try file.cell(column: try file.column(column), row: number)
        } catch let error as FetchError {
            // A file that has changed is opened anew for the next cell.
            files.removeLast()
            throw error
        }
    }
}
