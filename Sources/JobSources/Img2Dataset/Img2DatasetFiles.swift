import Base
import Pictures
import Queue

/// Jobs from a folder of a shard that img2dataset wrote as files: `000000000.jpg` with `000000000.json` and `000000000.txt`.
final class Img2DatasetFiles: JobSource {
    private let folder: String
    private var pictures: ArraySlice<String>
    private var describer: RowDescriber
    private var columns: SampleColumns

    /// - Throws: `unreadable`.
    init(folder: String, template: JobTemplate) throws(QueueError) {
        var template = template
        self.folder = folder
        columns = SampleColumns(template.tally)
        do throws(SystemError) {
            pictures = try FileSystem.names(in: folder).filter { ImageFormat(extension: $0.pathExtension) != nil }
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }[...]
        } catch {
            throw .unreadable(path: folder, reason: "\(error)")
        }
        // The names of its pictures begin where the folder's name does.
        template.folder = nil
        describer = RowDescriber(template: template, folder: "")
    }

    /// Returns the job of the next picture, nil at the end.
    func next() throws(QueueError) -> Job? {
        guard let name = pictures.popFirst() else { return nil }
        let place = "\(folder)/\(name)"
        let key = String(name.utf8.dropLast(name.pathExtension.utf8.count + 1)) ?? name
        var row = RowDescriber.Row(place: place, said: [], own: columns.columns(key: key, texts: texts(of: key)))
        row.key = key
        row.unasked = [JSON.Member(key: "__shard__", value: .string(folder.lastPathPart))]
        do throws(LocationError) {
            row.pictures = [try describer.locator.image(named: place)]
        } catch {
            return RowDescriber.faulty(place, error.description)
        }
        return describer.job(row) { _, _ in false }
    }

    private func texts(of key: String) -> [(field: String, bytes: [UInt8])] {
        var texts: [(field: String, bytes: [UInt8])] = []
        for field in ["txt", "json"] {
            let path = "\(folder)/\(key).\(field)"
            guard FileSystem.exists(path) else { continue }
            do throws(FileError) {
                texts.append((field, try FileBytes(path: path, maximumSize: Int64(SampleColumns.largestText)).bytes))
            } catch {
                columns.leaveOut("\(key).\(field): \(error.reason)")
            }
        }
        return texts
    }

    var notes: [String] { describer.notes + columns.notes.map { "\(folder): \($0)" } }
}
