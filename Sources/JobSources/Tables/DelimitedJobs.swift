import Base
import Fetch
import Queue
import Tables

/// Jobs from a CSV or TSV file, one a row. Relative names of pictures begin at the file's folder.
///
/// A row that cannot be read, or makes no sense, is a job with a `fault`; the others go on.
package final class DelimitedJobs: JobSource {
    private let name: String
    private let reader: DelimitedReader
    private let columns: TableColumns
    private var describer: RowDescriber
    private var prompts = PromptsOfPictures()

    /// - Parameters:
    ///   - path: A path or an address, `-` for standard input.
    ///   - hasHeader: Whether the first row names the columns; else they are numbered from 1.
    /// - Throws: `unreadable`, also where a column that is named is not there.
    package init(
        path: String, format: DelimitedFormat, hasHeader: Bool, template: JobTemplate,
        fetcher: SharedFetcher = SharedFetcher()
    ) throws(QueueError) {
        let file = InputFile(path, fetcher)
        name = file.name
        describer = RowDescriber(template: template, folder: file.folder)
        do {
            reader = try DelimitedReader(
                try file.opened().source, name: name, format: format, hasHeader: hasHeader)
            columns = try Self.columns(of: reader, format, template)
        } catch {
            throw QueueError.unreadable(error, path: name)
        }
    }

    private static func columns(
        of reader: DelimitedReader, _ format: DelimitedFormat, _ template: JobTemplate
    ) throws(RowError) -> TableColumns {
        let names = reader.header ?? []
        do throws(RowError) {
            return try TableColumns(names: names, template: template, hasPictures: false) { (text) throws(RowError) in
                do throws(TableError) { return try reader.column(text) } catch { throw RowError(error.reason) }
            }
        } catch {
            throw RowError(error.reason + separatorAdvice(names, format))
        }
    }

    /// Returns what to do about a header whose columns seem to be separated in another way.
    private static func separatorAdvice(_ names: [String], _ format: DelimitedFormat) -> String {
        func has(_ separator: Character) -> Bool { names.contains { $0.contains(separator) } }
        if format == .csv, has("\t") { return "; its header has tabs: read it as --from tsv:FILE" }
        if has(";") { return "; its header has semicolons: separate the columns with commas, or with tabs as TSV" }
        if format == .tsv, has(",") { return "; its header has commas: read it as --from csv:FILE" }
        return ""
    }

    /// Returns the job of the next row, nil at the end.
    ///
    /// - Throws: `unreadable` where the file cannot be read.
    package func next() throws(QueueError) -> Job? {
        do {
            guard let row = try reader.next() else { return nil }
            return describer.job(try described(row)) { prompts.isAmbiguous($0, $1) }
        } catch let error as TableError {
            guard error.code != .unreadable else { throw .unreadable(path: name, reason: error.reason) }
            return RowDescriber.faulty(error.place, error.reason)
        } catch {
            throw .unreadable(error, path: name)
        }
    }

    private func described(_ row: DelimitedRow) throws(TableError) -> RowDescriber.Row {
        var described = RowDescriber.Row(place: row.place, said: [], own: [])
        for index in 0..<row.count {
            let text = try row.text(index)
            if index < columns.keys.count, let key = columns.keys[index] {
                described.said.append(JSON.Member(key: key, value: TableColumns.value(text, for: key)))
            } else {
                let name = reader.header.map { $0[index] } ?? String(index + 1)
                described.own.append(JSON.Member(key: name, value: .string(text)))
            }
        }
        return described
    }

    package var notes: [String] { describer.notes }
}
