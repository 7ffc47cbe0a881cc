import Base
import CSQLite

#if canImport(Glibc)
    import Glibc
#endif

/// What a queue file says of itself, read without changing it: it is neither made nor migrated, and no journal of a writer that
/// died is rolled back.
package struct QueueFileInspection: Sendable, Equatable {
    package let schema: Int
    /// The newest schema that this program knows.
    package static let knownSchema = Schema.version
    /// As `adopt` stored it; nil before the first world.
    package let fingerprint: String?
    package let model: String?

    package init(schema: Int, fingerprint: String?, model: String?) {
        self.schema = schema
        self.fingerprint = fingerprint
        self.model = model
    }

    /// Opens the file for reading only.
    ///
    /// - Throws: `cannotOpen`, `busy`, `corrupt`, `notAQueue`, `failed`.
    package init(path: String, busyTimeout: Duration = .seconds(1)) throws(QueueError) {
        let connection = try Connection(path: path, access: .reading, busyTimeout: busyTimeout)
        let doing = "inspecting it"
        func pragma(_ name: String) throws(QueueError) -> Int {
            try connection.rows("PRAGMA \(name)", doing: doing) { Int($0.integer(0)) }.first ?? 0
        }
        guard try pragma("application_id") == Schema.applicationID else { throw .notAQueue(queue: path) }
        schema = try pragma("user_version")
        let rows = try connection.rows("SELECT fingerprint, model FROM queue", doing: doing) {
            ($0.textOrNil(0), $0.textOrNil(1))
        }
        (fingerprint, model) = rows.first ?? (nil, nil)
    }
}

/// How long a commit takes on a disk, by commits to a scratch file that are made as a queue makes its own.
package enum CommitProbe {
    /// The names of the files that a measurement at `path` makes.
    package static func files(at path: String) -> [String] { [path, path + "-journal"] }

    /// Makes the scratch file, commits to it, and removes it.
    ///
    /// - Parameters:
    ///   - path: of a file that is not there yet.
    ///   - count: the commits at most.
    ///   - limit: the time after which no other commit begins.
    /// - Returns: the time of a commit; nil where none was made.
    /// - Throws: `cannotOpen` where the file may not be made, `diskFull`, `failed`.
    package static func commitTime(
        at path: String, count: Int = 20, limit: Duration = .seconds(1)
    ) throws(QueueError) -> Duration? {
        let descriptor = FileSystem.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        guard descriptor >= 0 else { throw .cannotOpen(queue: path, reason: SystemError(errno).description) }
        close(descriptor)
        defer { for file in files(at: path) { FileSystem.remove(file) } }
        let connection = try Connection(path: path, access: .writing, busyTimeout: .seconds(1))
        let doing = "timing commits"
        try connection.execute("PRAGMA synchronous = FULL; PRAGMA journal_mode = TRUNCATE", doing: doing)
        try connection.execute("CREATE TABLE scratch (number INTEGER PRIMARY KEY, text TEXT)", doing: doing)
        let text = String(repeating: "x", count: 500)
        let start = ContinuousClock.now
        var made = 0
        while made < count, made == 0 || ContinuousClock.now - start < limit {
            try connection.transaction(doing: doing) { () throws(QueueError) in
                try connection.run(
                    "INSERT INTO scratch VALUES (?, ?)", [.integer(made), .text(text)], doing: doing)
            }
            made += 1
        }
        return made > 0 ? (ContinuousClock.now - start) / made : nil
    }
}
