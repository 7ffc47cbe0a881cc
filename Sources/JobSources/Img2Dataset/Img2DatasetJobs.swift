import Base
import Fetch
import Queue

/// Jobs from a folder that img2dataset wrote, in its formats `webdataset`, `files` and `parquet`, shard by shard. The id of a job is the
/// key; the caption, the address and whatever else img2dataset noted are the row's own columns.
///
/// A shard without statistics is not finished and is passed over, unless it is a tar archive that has its end.
package final class Img2DatasetJobs: JobSource {
    private let folder: String
    /// What the statistics count as no pictures.
    private var failed = (downloads: 0, sizes: 0)
    private let chain: JobSourceChain
    private var unfinished: [String] = []
    private var withoutStatistics: [String] = []
    private var others = 0
    /// More are counted, not named.
    private static let maximumNames = 8

    /// - Throws: `unreadable`, also where there is no shard.
    package init(folder: String, field: String?, template: JobTemplate) throws(QueueError) {
        guard !AddressReference.isAddress(folder) else {
            throw .unreadable(
                path: MaskedURL.text(folder),
                reason: "folders of this machine are read; name the shards of a server, as shards/{00000..00123}.tar")
        }
        var folder = folder
        while folder.utf8.count > 1, folder.utf8.last == UInt8(ascii: "/") { folder = String(folder.dropLast()) }
        self.folder = folder
        let names: [String]
        do throws(SystemError) {
            names = try FileSystem.names(in: folder)
        } catch {
            throw .unreadable(path: folder, reason: "\(error); name the folder that img2dataset wrote")
        }
        let known = Set(names)
        var found: Set<String> = []
        for name in names {
            if let shard = Img2DatasetShard.name(of: name) {
                found.insert(shard)
            } else if name.utf8.first != UInt8(ascii: ".") {
                others += 1
            }
        }
        var shards: [Img2DatasetShard] = []
        for name in found.sorted(by: { ($0.utf8.count, $0) < ($1.utf8.count, $1) }) {
            let shard = Img2DatasetShard(folder: folder, name: name, names: known)
            if shard.statistics == nil {
                guard shard.layout == .archive, Img2DatasetShard.hasEnd(shard.path) else {
                    unfinished.append(name)
                    continue
                }
                withoutStatistics.append(name)
            }
            failed.downloads += shard.count("failed_to_download")
            failed.sizes += shard.count("failed_to_resize")
            // A shard of which nothing could be downloaded may have no pictures.
            if shard.layout != nil || shard.count("successes") > 0 { shards.append(shard) }
        }
        guard !found.isEmpty else {
            throw .unreadable(
                path: folder,
                reason: "there is no shard of img2dataset in it: no 00000.tar, 00000.parquet or 00000_stats.json")
        }
        chain = JobSourceChain(count: shards.count) { [shards] (index) throws(QueueError) in
            try Self.opened(shards[index], field, template)
        }
    }

    private static func opened(
        _ shard: Img2DatasetShard, _ field: String?, _ template: JobTemplate
    ) throws(QueueError) -> any JobSource {
        switch shard.layout {
        case .archive: return try ShardJobs(path: shard.path, field: field, template: template)
        case .files: return try Img2DatasetFiles(folder: shard.path, template: template)
        case .table:
            var template = template
            if template.columns[ExactText("id")] == nil { template.columns[ExactText("id")] = "key" }
            let jobs = try ParquetJobs(path: shard.path, template: template, only: ("status", "success"))
            guard jobs.hasPictures else {
                throw .unreadable(
                    path: shard.path,
                    reason: "it holds no pictures, and there is no \(shard.name).tar or folder \(shard.name)")
            }
            return jobs
        case .records:
            throw .unreadable(
                path: shard.path, reason: "tfrecord is not read; let img2dataset write webdataset, files or parquet")
        case nil:
            throw .unreadable(
                path: shard.path,
                reason: "its statistics count \(shard.count("successes").counted("picture")), but there is none")
        }
    }

    /// Returns the job of the next picture, nil at the end.
    ///
    /// - Throws: `unreadable` where a shard cannot be read.
    package func next() throws(QueueError) -> Job? { try chain.next() }

    package var notes: [String] {
        var notes = chain.notes
        if failed.downloads > 0 || failed.sizes > 0 {
            notes.append(
                "\(folder): img2dataset could not download \(failed.downloads.counted("picture")) and could not resize \(failed.sizes); they are no jobs"
            )
        }
        if !unfinished.isEmpty {
            notes.append(
                "\(folder): passed over \(Self.named(unfinished)), which img2dataset has not finished: there are no statistics"
            )
        }
        if !withoutStatistics.isEmpty {
            notes.append(
                "\(folder): taken without statistics, as the archives are complete: \(Self.named(withoutStatistics))")
        }
        if others > 0 {
            notes.append("\(folder): passed over \(others.counted("other file or folder", "other files and folders"))")
        }
        return notes
    }

    private static func named(_ shards: [String]) -> String {
        let names = shards.prefix(maximumNames).joined(separator: ", ")
        let more = shards.count - maximumNames
        return (shards.count == 1 ? "shard " : "shards ") + names + (more > 0 ? " and \(more) more" : "")
    }
}
