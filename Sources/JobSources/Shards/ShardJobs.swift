import Archives
import Base
import Queue

/// Jobs from the samples of a webdataset shard: a tar archive in which the members of a sample follow each other and share a key.
///
/// The picture is the first member of ``pictureFields``, or of the field that is asked for. A worker reads it where it lies in
/// the shard; pictures of compressed shards and of standard input travel in the queue. The keys of a `json` member and the text
/// of a `txt` member are the sample's own columns.
package final class ShardJobs: JobSource {
    /// The extensions of pictures, in the order in which they are looked for.
    private static let pictureFields = [
        "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "jxl", "jp2", "ppm", "pgm",
    ]
    private static let textFields = ["txt", "text", "caption", "json"]
    /// The largest text of a sample that is read, in bytes.
    private static let largestText = 1 << 20

    private let name: String
    private let path: String
    private let samples: SampleReader
    private let stamp: FileStamp?
    private let pictureFields: [String]
    private var describer: RowDescriber
    private var withoutPicture = 0

    /// - Parameters:
    ///   - path: `-` for standard input.
    ///   - field: The extension of the pictures; nil for the usual ones.
    /// - Throws: `unreadable`.
    package init(path: String, field: String?, template: JobTemplate) throws(QueueError) {
        let isStream = path == LineReader.standardInput
        name = isStream ? "standard input" : path
        self.path = isStream ? name : PictureLocator.absolutePath(of: path, in: "")
        let fields = field.map { [$0.lowercased()] } ?? Self.pictureFields
        pictureFields = fields
        do {
            samples = try SampleReader(try FileSource(pathOrStandardInput: path), name: name) { field in
                if fields.contains(field) { return .locate }
                return Self.textFields.contains(field) ? .read : .drop
            }
            stamp = isStream ? nil : try FileStamp(path: path)
        } catch {
            throw QueueError.unreadable(error, path: name)
        }
        describer = RowDescriber(template: template, folder: path.parentPath)
    }

    /// Returns the job of the next sample that has a picture, nil at the end.
    ///
    /// - Throws: `unreadable` where the shard cannot be read.
    package func next() throws(QueueError) -> Job? {
        do {
            while let sample = try samples.next() {
                guard let picture = pictureFields.lazy.compactMap({ sample[$0] }).first else {
                    withoutPicture += 1
                    continue
                }
                var row = RowDescriber.Row(place: "\(name), sample \(sample.key)", said: [], own: columns(of: sample))
                (row.picture, row.key) = (image(picture), sample.key)
                return describer.job(row) { _, _ in false }
            }
            return nil
        } catch let error as ArchiveError where error.code == .duplicate || error.code == .tooLarge {
            // The next call goes on behind the bad sample.
            return RowDescriber.faulty(error.place, error.reason)
        } catch {
            throw .unreadable(error, path: name)
        }
    }

    private func image(_ field: Sample.Field) -> JobImage {
        var image = JobImage(name: "\(name)#\(field.memberName)", path: path)
        guard let offset = field.offset else {
            image.bytes = field.bytes
            return image
        }
        image.part = .range(offset: Int64(offset), count: Int64(field.size))
        let verification = describer.template.verification
        if verification != .none { image.size = stamp?.size }
        if verification == .time { image.modified = stamp?.modificationTime }
        return image
    }

    /// The key, the texts, and the members of the JSON object of a sample.
    private func columns(of sample: Sample) -> [JSON.Member] {
        var columns = [JSON.Member(key: "__key__", value: .string(sample.key))]
        for field in sample.fields {
            guard let bytes = field.bytes, bytes.count <= Self.largestText, Self.textFields.contains(field.name) else {
                continue
            }
            if field.name == "json" {
                columns += (try? JSON(parsing: bytes[...]))?.object ?? []
            } else {
                let text = String(decoding: bytes, as: UTF8.self)
                columns.append(JSON.Member(key: field.name, value: .string(text.trimmingSuffix(while: \.isNewline))))
            }
        }
        var seen: Set<ExactText> = []
        return columns.filter { seen.insert(ExactText($0.key)).inserted }
    }

    package var notes: [String] {
        var notes = describer.notes
        if withoutPicture > 0 { notes.append("\(name): \(withoutPicture) samples without a picture passed over") }
        if samples.skipped.count > 0 {
            notes.append(
                "\(name): \(samples.skipped.count) members that belong to no sample passed over (\(samples.skipped.first ?? ""))"
            )
        }
        if samples.dataFollowsEnd { notes.append("\(name): bytes behind the end of the archive are not read") }
        return notes
    }
}

extension String {
    fileprivate func trimmingSuffix(while condition: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, condition(last) { text = text.dropLast() }
        return String(text)
    }
}
