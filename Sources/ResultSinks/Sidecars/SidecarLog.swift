import Base

/// Notes which answers are in their texts, so that each is put there once however often the work is killed.
///
/// A file of lines. Before texts are written a batch of them is noted: the key of each answer, the hashes of the text before and
/// after, its path. `=` ends a batch whose texts are written. When the log is opened again, the hashes tell which texts of a
/// batch without end were written. `-` and a key take back what was noted.
final class SidecarLog {
    /// An answer that is about to be put into a text.
    struct Entry {
        let key: Digest
        /// The hash of the text; nil where there is none.
        let old: UInt64?
        let new: UInt64
        let path: String
    }

    private static let firstLine = "paligemma sidecars 1\n"
    private static let endLine = "=\n"

    private let path: String
    private let log: LineLog
    private var written: Set<Digest> = []
    /// Texts that somebody else changed while nobody knew whether an answer was in them. Such answers count as written.
    private(set) var changedTexts: [String] = []

    /// Opens a log, or begins one where there is none.
    ///
    /// - Parameter isIdempotent: whether an answer may be written twice without harm.
    /// - Throws: ``SinkError`` where it cannot be read or written, or another process has it open.
    init(path: String, isIdempotent: Bool) throws(SinkError) {
        self.path = path
        var known: (written: Set<Digest>, batch: [Entry])?
        log = try LineLog(path: path) { bytes throws(SinkError) in
            if !bytes.isEmpty { known = try Self.read(bytes, path) }
        }
        if let known {
            written = known.written
            try resolve(known.batch, isIdempotent: isIdempotent)
        } else {
            try log.append(Array(Self.firstLine.utf8))
        }
    }

    /// Returns whether an answer is in its text.
    func contains(_ key: Digest) -> Bool { written.contains(key) }

    /// Notes the texts that are about to be written.
    ///
    /// - Throws: ``SinkError`` where the log cannot be written.
    func begin(_ entries: [Entry]) throws(SinkError) {
        var lines = ""
        for entry in entries {
            var writer = JSONWriter()
            writer.string(entry.path)
            let old = entry.old.map { String($0, radix: 16) } ?? "-"
            lines += "\(entry.key.hexadecimal) \(old) \(String(entry.new, radix: 16)) "
            lines += String(decoding: writer.bytes, as: UTF8.self) + "\n"
        }
        try log.append(Array(lines.utf8), isDurable: true)
        for entry in entries { written.insert(entry.key) }
    }

    /// Notes that the texts are written.
    ///
    /// - Throws: ``SinkError`` where the log cannot be written.
    func end() throws(SinkError) { try log.append(Array(Self.endLine.utf8)) }

    /// Takes back that an answer is in its text, because writing it failed.
    ///
    /// - Throws: ``SinkError`` where the log cannot be written.
    func takeBack(_ keys: [Digest]) throws(SinkError) {
        for key in keys { written.remove(key) }
        try log.append(Self.takingBack(keys))
    }

    /// The hash of a text as the log has it; nil for a text that is not there.
    static func hash(_ bytes: [UInt8]?) -> UInt64? {
        guard let bytes else { return nil }
        return bytes.withUnsafeBytes { ContentHash.hash64(of: $0) }
    }

    private static func takingBack(_ keys: [Digest]) -> [UInt8] {
        Array(keys.map { "- \($0.hexadecimal)\n" }.joined().utf8)
    }

    /// Reads all lines.
    ///
    /// - Returns: the keys of all answers that were noted, and the entries of a batch without end.
    private static func read(
        _ bytes: ArraySlice<UInt8>, _ path: String
    ) throws(SinkError) -> (written: Set<Digest>, batch: [Entry]) {
        guard bytes.starts(with: firstLine.utf8) else {
            throw SinkError(.badLog, at: path, "this is no log of texts; move the file away, or name another log")
        }
        var written: Set<Digest> = []
        var batch: [Entry] = []
        for line in bytes.dropFirst(firstLine.utf8.count).split(separator: 0x0A) {
            if line.elementsEqual("=".utf8) {
                batch = []
                continue
            }
            if line.starts(with: "- ".utf8),
                let key = Digest(hexadecimal: Substring(decoding: line.dropFirst(2), as: UTF8.self))
            {
                written.remove(key)
                batch.removeAll { $0.key == key }
                continue
            }
            guard let entry = entry(line) else {
                throw SinkError(
                    .badLog, at: path, "the log is damaged; move it away only if no text is to be kept from doubling")
            }
            written.insert(entry.key)
            batch.append(entry)
        }
        return (written, batch)
    }

    private static func entry(_ line: ArraySlice<UInt8>) -> Entry? {
        let fields = line.split(separator: 0x20, maxSplits: 3)
        guard fields.count == 4, let key = Digest(hexadecimal: Substring(decoding: fields[0], as: UTF8.self)),
            let new = UInt64(String(decoding: fields[2], as: UTF8.self), radix: 16),
            let path = (try? JSON(parsing: fields[3]))?.string
        else { return nil }
        let old = String(decoding: fields[1], as: UTF8.self)
        guard old == "-" || UInt64(old, radix: 16) != nil else { return nil }
        return Entry(key: key, old: UInt64(old, radix: 16), new: new, path: path)
    }

    /// Finds out which texts of a batch without end were written.
    private func resolve(_ batch: [Entry], isIdempotent: Bool) throws(SinkError) {
        var unwritten: [Digest] = []
        for entry in batch {
            let now = Self.hash(FileSystem.contents(of: entry.path))
            if now == entry.new { continue }
            if now == entry.old || isIdempotent {
                unwritten.append(entry.key)
            } else {
                changedTexts.append(entry.path)
            }
        }
        if !batch.isEmpty { try log.append(Self.takingBack(unwritten) + Array(Self.endLine.utf8)) }
        for key in unwritten { written.remove(key) }
    }
}

extension Substring {
    fileprivate init(decoding bytes: some Collection<UInt8>, as encoding: UTF8.Type) {
        self = String(decoding: bytes, as: UTF8.self)[...]
    }
}
