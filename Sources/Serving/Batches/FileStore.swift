import Base
import Foundation

/// The files of clients: what batches read, and what they wrote. A file is there when its record is; bytes without a record are
/// what a killed service left, and are removed.
final class FileStore: Sendable {
    private let folder: String
    private let records: Locked<[FileRecord]>

    /// - Throws: ``StateError`` where the folder cannot be read.
    init(_ state: StateFolder) throws(StateError) {
        folder = state.files
        let names: [String]
        do throws(SystemError) { names = try FileSystem.names(in: folder) } catch { throw StateError(folder, error) }
        var found: [FileRecord] = []
        for name in names where name.hasSuffix(".json") {
            guard let bytes = FileSystem.contents(of: folder + "/" + name), let json = try? JSON(parsing: bytes),
                let record = FileRecord(json), name == record.id + ".json"
            else { continue }
            found.append(record)
        }
        let known = Set(found.map(\.id))
        for name in names where !known.contains(String(name.prefix { $0 != "." })) {
            FileSystem.remove(folder + "/" + name)
        }
        records = Locked(found.sorted(by: Self.isNewer))
    }

    /// Newer ones come first, as clients expect them.
    private static func isNewer(_ a: FileRecord, _ b: FileRecord) -> Bool { (a.created, a.id) > (b.created, b.id) }

    static func newID() -> String { "file-" + StateID.make() }

    /// Where the bytes of a file are.
    func path(of id: String) -> String { folder + "/\(id).data" }

    /// All files, the newest first.
    var all: [FileRecord] { records.withLock { $0 } }

    func record(of id: String) -> FileRecord? { records.withLock { $0.first { $0.id.isExactly(id) } } }

    /// Makes bytes that lie at ``path(of:)`` a file. It is safe to repeat the call.
    ///
    /// - Throws: ``SystemError``.
    func add(_ record: FileRecord) throws(SystemError) {
        try NewFile.write(record.json.bytes + [0x0A], to: folder + "/\(record.id).json", mode: 0o600)
        records.withLock { records in
            records.removeAll { $0.id == record.id }
            records.insert(record, at: records.firstIndex { Self.isNewer(record, $0) } ?? records.endIndex)
        }
    }

    /// Removes a file. Who reads it reads on.
    ///
    /// - Returns: Whether it was there.
    func remove(_ id: String) -> Bool {
        let isKnown = records.withLock { records in
            guard let place = records.firstIndex(where: { $0.id.isExactly(id) }) else { return false }
            records.remove(at: place)
            return true
        }
        guard isKnown else { return false }
        FileSystem.remove(folder + "/\(id).json")
        FileSystem.remove(path(of: id))
        return true
    }
}

/// Names of files and batches. They have the order in which they were made, and nobody guesses them.
enum StateID {
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let milliseconds = UInt64(max(0, Date().timeIntervalSince1970) * 1000)
        return String(format: "%012lx%016lx", milliseconds, generator.next() as UInt64)
    }

    static var now: Int { Int(Date().timeIntervalSince1970) }
}
