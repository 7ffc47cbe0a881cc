import Base

/// A shard of a folder that img2dataset wrote: a number, and what is there for it.
struct Img2DatasetShard {
    /// Where its pictures are.
    enum Layout {
        /// `00000.tar`
        case archive
        /// `00000/000000000.jpg`
        case files
        /// `00000.parquet`, in a column of bytes.
        case table
        /// `00000.tfrecord`
        case records
    }

    let folder: String
    /// `00000`
    let name: String
    let layout: Layout?
    /// What `00000_stats.json` says, which img2dataset writes last; nil where it is missing or damaged.
    let statistics: JSON?

    private static let largestStatistics: Int64 = 16 << 20

    init(folder: String, name: String, names: Set<String>) {
        (self.folder, self.name) = (folder, name)
        let path = "\(folder)/\(name)"
        if names.contains("\(name).tar") {
            layout = .archive
        } else if names.contains(name), FileSystem.isFolder(path) {
            layout = .files
        } else if names.contains("\(name).tfrecord") {
            layout = .records
        } else {
            layout = names.contains("\(name).parquet") ? .table : nil
        }
        let bytes = try? FileBytes(path: "\(path)_stats.json", maximumSize: Self.largestStatistics).bytes
        let json = bytes.flatMap { try? JSON(parsing: $0[...]) }
        statistics = json?.object == nil ? nil : json
    }

    /// The file or the folder of its pictures.
    var path: String {
        switch layout {
        case .archive: "\(folder)/\(name).tar"
        case .table: "\(folder)/\(name).parquet"
        case .records: "\(folder)/\(name).tfrecord"
        case .files, nil: "\(folder)/\(name)"
        }
    }

    /// Returns a count of the statistics, 0 where it is not there; what no shard can count is cut.
    func count(_ key: String) -> Int { min(max(0, statistics?[key]?.integer ?? 0), 1 << 32) }

    /// Returns the name of the shard that a file or a folder belongs to; nil for others.
    static func name(of entry: String) -> String? {
        var rest = entry.utf8[...]
        for suffix in [".tar", ".parquet", ".tfrecord", "_stats.json"]
        where rest.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) {
            rest = rest.dropLast(suffix.utf8.count)
            break
        }
        guard !rest.isEmpty, rest.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return String(rest)
    }

    /// Whether a tar archive has its end: two blocks of zeros.
    static func hasEnd(_ path: String) -> Bool {
        guard let source = try? FileRangeSource(path: path), source.size >= 1024, source.size % 512 == 0 else {
            return false
        }
        return (try? source.bytes(at: source.size - 1024, count: 1024))?.allSatisfy { $0 == 0 } == true
    }
}
