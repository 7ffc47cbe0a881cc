import Base

/// Notes in a hidden file of the output folder which shards are this program's, and what is in them: a JSON object a line. The
/// last line of a shard counts.
final class ShardLog {
    /// What is in a shard: the hash of the answers, and its size in bytes.
    struct Content: Equatable {
        let digest: String
        let size: Int
    }

    private let log: LineLog
    /// Nil for a shard that was about to be written.
    private var shards: [ExactText: Content?] = [:]

    /// - Throws: ``SinkError`` where it cannot be read or written, or another process has it open.
    init(folder: String) throws(SinkError) {
        let path = folder + "/.paligemma-shards"
        var shards: [ExactText: Content?] = [:]
        log = try LineLog(path: path) { bytes throws(SinkError) in
            for line in bytes.split(separator: 0x0A) {
                guard let json = try? JSON(parsing: line), let name = json["shard"]?.string else {
                    throw SinkError(.badLog, at: path, "this is no list of shards; move the file away")
                }
                let content = json["size"]?.integer.flatMap { size in
                    json["digest"]?.string.map { Content(digest: $0, size: size) }
                }
                shards.updateValue(content, forKey: ExactText(name))
            }
        }
        self.shards = shards
    }

    /// Returns whether this program has made the shard of a name, or was about to.
    func isOurs(_ name: ExactText) -> Bool { shards[name] != nil }

    func content(of name: ExactText) -> Content? { shards[name] ?? nil }

    /// Notes that a shard is about to be put in its place, or what is in it.
    ///
    /// - Throws: ``SinkError`` where the log cannot be written.
    func note(_ name: ExactText, _ content: Content?) throws(SinkError) {
        var writer = JSONWriter()
        writer.raw("{\"shard\":")
        writer.string(name.text)
        if let content {
            writer.raw(",\"digest\":")
            writer.string(content.digest)
            writer.raw(",\"size\":")
            writer.integer(content.size)
        }
        writer.raw("}\n")
        try log.append(writer.bytes)
        shards.updateValue(content, forKey: name)
    }
}
