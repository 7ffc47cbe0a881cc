import Base
import Glibc

/// The batches of a service, each in a folder of its own. What a call changed is on the disk when it returns.
final class BatchStore: Sendable {
    private let folder: String
    private let records: Locked<[BatchRecord]>
    /// Held while a record is written, so that who reads does not wait for the disk.
    private let writing = Locked(())

    /// Those that have not ended.
    static let maximumActive = 100

    /// - Throws: ``StateError`` where the folder or a batch in it cannot be read.
    init(_ state: StateFolder) throws(StateError) {
        folder = state.batches
        let names: [String]
        do throws(SystemError) { names = try FileSystem.names(in: folder) } catch { throw StateError(folder, error) }
        var found: [BatchRecord] = []
        for name in names {
            let path = folder + "/\(name)/batch.json"
            guard FileSystem.exists(path) else {
                // A killed service was making it.
                FileSystem.removeTree(folder + "/" + name)
                continue
            }
            guard let bytes = FileSystem.contents(of: path), let json = try? JSON(parsing: bytes),
                let record = BatchRecord(stored: json), record.id == name
            else {
                throw StateError(
                    state.path,
                    "\(path) is no record of a batch of this version; move its folder away, or use that version")
            }
            found.append(record)
        }
        records = Locked(found.sorted { ($0.created, $0.id) > ($1.created, $1.id) })
    }

    func inputPath(of id: String) -> String { folder + "/\(id)/input.jsonl" }
    func outputPath(of id: String) -> String { folder + "/\(id)/output.jsonl" }
    func errorPath(of id: String) -> String { folder + "/\(id)/errors.jsonl" }

    /// All batches, the newest first.
    var all: [BatchRecord] { records.withLock { $0 } }

    func record(of id: String) -> BatchRecord? { records.withLock { $0.first { $0.id.isExactly(id) } } }

    /// Adds a batch. Its input gets a second name, so that the file may be deleted.
    ///
    /// - Throws: ``SystemError``.
    func add(_ record: BatchRecord, inputAt path: String) throws(SystemError) {
        do throws(SystemError) {
            try FileSystem.makeFolder(folder + "/" + record.id, mode: 0o700)
            guard FileSystem.link(path, to: inputPath(of: record.id)) else { throw SystemError(errno) }
            try write(record)
        } catch {
            FileSystem.removeTree(folder + "/" + record.id)
            throw error
        }
        FileSystem.synchronizeFolder(of: folder + "/" + record.id)
        records.withLock { $0.insert(record, at: 0) }
    }

    /// Changes a batch.
    ///
    /// - Returns: As it is now; nil where there is none by that id.
    /// - Throws: ``SystemError``; then it is as it was.
    @discardableResult
    func update(_ id: String, _ change: (inout BatchRecord) -> Void) throws(SystemError) -> BatchRecord? {
        try writing.withLock { _ throws(SystemError) in
            guard let old = record(of: id) else { return nil }
            var new = old
            change(&new)
            guard new != old else { return old }
            try write(new)
            records.withLock { records in
                if let place = records.firstIndex(where: { $0.id == id }) { records[place] = new }
            }
            return new
        }
    }

    /// Removes what an ended batch needs no more.
    func removeWork(of id: String) {
        for path in [inputPath(of: id), outputPath(of: id), errorPath(of: id)] { FileSystem.remove(path) }
    }

    private func write(_ record: BatchRecord) throws(SystemError) {
        try NewFile.write(record.stored.bytes + [0x0A], to: folder + "/\(record.id)/batch.json", mode: 0o600)
    }
}
