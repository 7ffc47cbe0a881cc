import Archives
import Base
import Fetch
import Queue

/// Jobs from the samples of a webdataset shard: a tar archive in which the members of a sample follow each other and share a key.
///
/// The picture is the first member of ``pictureFields``, or of the field that is asked for. A worker reads it where it lies in
/// the shard; pictures of compressed shards and of standard input travel in the queue. The keys of a `json` member and the texts
/// of the other members (``SampleColumns``) are the sample's own columns. `__shard__` is the name of the shard without its folder
/// and `.tar`.
package final class ShardJobs: JobSource {
    /// The extensions of pictures, in the order in which they are looked for.
    private static let pictureFields = [
        "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "jxl", "jp2", "ppm", "pgm",
    ]

    /// Shards often have the same keys.
    private static let idAdvice = #"with --id "{__shard__}/{__key__}" where several shards have the same keys"#

    private let name: String
    private let path: String
    private let samples: SampleReader
    /// Of a shard of which workers read parts; nil for a stream.
    private let stamp: InputFile.Stamp?
    private let shard: String
    private let pictureFields: [String]
    private var describer: RowDescriber
    private var columns: SampleColumns
    private var withoutPicture = 0

    /// - Parameters:
    ///   - path: A path or an address, `-` for standard input.
    ///   - field: The extension of the pictures; nil for the usual ones.
    /// - Throws: `unreadable`.
    package init(
        path: String, field: String?, template: JobTemplate, fetcher: SharedFetcher = SharedFetcher()
    ) throws(QueueError) {
        let file = InputFile(path, fetcher)
        (name, self.path, shard) = (file.name, file.path, file.stem)
        columns = SampleColumns(template.tally)
        let fields = field.map { [$0.lowercased()] } ?? Self.pictureFields
        pictureFields = fields
        do {
            let (source, stamp) = try file.opened()
            self.stamp = stamp
            samples = try SampleReader(source, name: name, origin: file.isRemote ? 0 : nil) { field in
                if fields.contains(field) { return .locate }
                return SampleColumns.use(of: field)
            }
        } catch {
            throw QueueError.unreadable(error, path: name)
        }
        describer = RowDescriber(template: template, folder: file.folder)
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
                let place = "\(name), sample \(sample.key)"
                let others = sample.fields.filter { !pictureFields.contains($0.name) }
                var row = RowDescriber.Row(place: place, said: [], own: columns.columns(key: sample.key, others))
                (row.pictures, row.key) = ([image(picture)], sample.key)
                row.unasked = [JSON.Member(key: "__shard__", value: .string(shard))]
                var job = describer.job(row) { _, _ in false }
                job.idAdvice = Self.idAdvice
                return job
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
        stamp?.note(in: &image, describer.template.verification)
        return image
    }

    package var notes: [String] {
        var notes = describer.notes + columns.notes.map { "\(name): \($0)" }
        if withoutPicture > 0 {
            notes.append("\(name): \(withoutPicture.counted("sample")) without a picture passed over")
        }
        if samples.skipped.count > 0 {
            notes.append(
                "\(name): \(samples.skipped.count.counted("member that belongs", "members that belong")) to no sample passed over (\(samples.skipped.first ?? ""))"
            )
        }
        if samples.dataFollowsEnd { notes.append("\(name): bytes behind the end of the archive are not read") }
        return notes
    }
}
