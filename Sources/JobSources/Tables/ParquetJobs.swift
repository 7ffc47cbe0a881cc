import Base
import Fetch
import Queue
import Tables

/// Jobs from a parquet file, one a row: its pictures are in a column of bytes (of Hugging Face's `image {bytes, path}`, or `jpg`, …),
/// which a worker reads there, or named in a column of paths or addresses. All other columns but bytes and lists of lists are
/// the person's own.
package final class ParquetJobs: JobSource {
    /// The columns of bytes that may hold pictures, the most telling first.
    private static let byteColumns = ["image.bytes", "jpg", "jpeg", "png", "webp", "image", "image_bytes", "bytes"]

    private let name: String
    /// Where a worker finds the file.
    private let path: String
    private let file: ParquetFile
    private let stamp: InputFile.Stamp
    private let rows: ParquetRows
    /// The index in the file and our key of each column that is read; nil for the person's own.
    private let read: [(column: Int, key: String?)]
    /// The column that holds the pictures' bytes; nil where they are named.
    private let bytesColumn: Int?
    private let leftOut: [String]
    private var describer: RowDescriber
    private var row = 0
    /// The index in ``read`` of a column, and the value that it must have.
    private let condition: (index: Int, value: String)?
    private var prompts = PromptsOfPictures()

    /// - Parameters:
    ///   - path: A path or an address.
    ///   - condition: Only rows that have this value in this column are jobs, where there is such a column.
    /// - Throws: `unreadable`, also where a column that is named is not there.
    package init(
        path: String, template: JobTemplate, only condition: (column: String, value: String)? = nil,
        fetcher: SharedFetcher = SharedFetcher()
    ) throws(QueueError) {
        let input = InputFile(path, fetcher)
        (name, self.path) = (input.name, input.path)
        let file: ParquetFile
        (file, stamp) = try input.openedParquet()
        do {
            let bytesColumn = Self.bytesColumn(of: file, template)
            let columns = try Self.columns(of: file, template, hasPictures: bytesColumn != nil)
            let chosen = file.columns.indices.filter {
                columns.keys[$0] != nil || file.columns[$0].name == condition?.column
                    || Self.isCarried(file.columns[$0], template)
            }
            let read = chosen.filter { $0 != bytesColumn }
            leftOut = file.columns.indices.filter { !chosen.contains($0) && $0 != bytesColumn }.map {
                file.columns[$0].name
            }
            self.read = read.map { ($0, columns.keys[$0]) }
            self.condition = condition.flatMap { condition in
                read.firstIndex { file.columns[$0].name == condition.column }.map { ($0, condition.value) }
            }
            rows = try file.rows(of: read)
            self.file = file
            self.bytesColumn = bytesColumn
        } catch {
            throw QueueError.unreadable(error, path: input.name)
        }
        describer = RowDescriber(template: template, folder: input.folder)
    }

    /// Returns the job of the next row, nil at the end.
    ///
    /// - Throws: `unreadable` where the file cannot be read.
    package func next() throws(QueueError) -> Job? {
        do {
            guard let values = try nextRow() else { return nil }
            let place = "\(name) row \(row)"
            var described = RowDescriber.Row(place: place, said: [], own: [])
            for ((column, key), value) in zip(read, values) {
                let description = file.columns[column]
                let value = try description.json(value, place: place)
                if let key {
                    described.said.append(JSON.Member(key: key, value: Self.meaning(value, of: key)))
                } else {
                    described.own.append(JSON.Member(key: description.name, value: value))
                }
            }
            if let bytesColumn { (described.pictures, described.key) = ([picture(in: bytesColumn)], "\(name)#\(row)") }
            row += 1
            return describer.job(described) { prompts.isAmbiguous($0, $1) }
        } catch {
            throw .unreadable(error, path: name)
        }
    }

    /// Returns the values of the next row that is wanted, nil at the end.
    private func nextRow() throws -> [ParquetValue]? {
        while let values = try rows.next() {
            guard let condition else { return values }
            let description = file.columns[read[condition.index].column]
            if try description.json(values[condition.index], place: name) == .string(condition.value) { return values }
            row += 1
        }
        return nil
    }

    /// Whether the rows hold the pictures themselves.
    var hasPictures: Bool { bytesColumn != nil }

    private func picture(in column: Int) -> JobImage {
        var image = JobImage(
            name: "\(name)#\(row)", path: path,
            part: .cell(column: file.columns[column].name, row: Int64(row)))
        stamp.note(in: &image, describer.template.verification)
        return image
    }

    private static func meaning(_ value: JSON, of key: String) -> JSON {
        if case .string(let text) = value { return TableColumns.value(text, for: key) }
        return value
    }

    /// The column that the person names, else the first that may be one.
    private static func bytesColumn(of file: ParquetFile, _ template: JobTemplate) -> Int? {
        let named = ["image", "images"].compactMap { template.columns[ExactText($0)] }
        for name in named.isEmpty ? byteColumns : named.flatMap({ [$0, $0 + ".bytes"] }) {
            if let index = file.columns.firstIndex(where: { $0.name.isExactly(name) }), file.columns[index].holdsBytes {
                return index
            }
        }
        return nil
    }

    private static func columns(
        of file: ParquetFile, _ template: JobTemplate, hasPictures: Bool
    ) throws(RowError) -> TableColumns {
        var template = template
        if hasPictures {
            for key in ["image", "images"] {
                let column = template.columns.removeValue(forKey: ExactText(key))
                if let column { template.tally.found(ExactText(column), flag: "--columns") }
            }
        }
        return try TableColumns(names: file.columns.map(\.name), template: template, hasPictures: hasPictures) {
            (text) throws(RowError) in
            do throws(TableError) { return try file.column(text) } catch { throw RowError(error.reason) }
        }
    }

    private static func isCarried(_ column: ParquetColumn, _ template: JobTemplate) -> Bool {
        guard !column.holdsBytes, !column.isNestedList else { return false }
        // The path inside of Hugging Face's structure is only a name.
        return column.name != "image.path" && template.carried.takes(column.name)
    }

    package var notes: [String] {
        let source = bytesColumn.map { ["the pictures are the bytes in the column \(file.columns[$0].name)"] } ?? []
        let bytes = leftOut.isEmpty ? [] : ["not carried through: \(leftOut.prefix(50).joined(separator: ", "))"]
        return source + describer.notes + bytes
    }
}

extension ParquetColumn {
    /// Whether its values are bytes that are no text.
    fileprivate var holdsBytes: Bool { type == .byteArray && meaning == .stored && !isList }
}
