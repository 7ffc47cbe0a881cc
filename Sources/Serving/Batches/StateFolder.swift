import Base
import Glibc

/// Why a folder cannot keep what a service has to remember.
package struct StateError: Error, CustomStringConvertible, Equatable {
    package let path: String
    package let reason: String
    /// Whether another folder would do, and not another state of the machine.
    package let isUsage: Bool

    package var description: String { "cannot use the folder \(path) for --state: \(reason)" }

    init(_ path: String, _ reason: String, isUsage: Bool = false) {
        (self.path, self.reason, self.isUsage) = (path, reason, isUsage)
    }

    init(_ path: String, _ error: SystemError) { self.init(path, error.description) }
}

/// The folder of a service: the files that clients gave it and its batches. One service has it at a time; the system gives the lock
/// back however that one ends.
///
///     lock                      who has the folder
///     files/ID.json, ID.data    a file and what is known of it
///     batches/ID/batch.json     a batch; beside it its input, and its output while it grows
package final class StateFolder: Sendable {
    /// Absolute, so that it stays the same folder.
    package let path: String
    private let lock: Int32

    var files: String { path + "/files" }
    var batches: String { path + "/batches" }

    /// - Throws: ``StateError`` where another service has it, or it cannot be made.
    package init(_ given: String) throws(StateError) {
        do throws(SystemError) {
            try FileSystem.makeFolder(given, mode: 0o700)
            path = FileSystem.resolved(given)
            try FileSystem.makeFolder(path + "/files", mode: 0o700)
            try FileSystem.makeFolder(path + "/batches", mode: 0o700)
        } catch {
            throw StateError(given, error)
        }
        let name = path + "/lock"
        lock = FileSystem.open(name, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        guard lock >= 0 else { throw StateError(given, SystemError(errno)) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let holder = FileSystem.firstBytes(200, of: name).map { String(decoding: $0, as: UTF8.self) } ?? ""
            close(lock)
            throw StateError(
                given, "\(holder.isEmpty ? "another service" : holder) has it; stop that one, or give another folder",
                isUsage: true)
        }
        do throws(SystemError) {
            guard ftruncate(lock, 0) == 0 else { throw SystemError(errno) }
            try writeAll(Array("process \(getpid()) on \(Self.host)".utf8).span.bytes, to: lock, at: 0)
        } catch {
            close(lock)
            throw StateError(given, error)
        }
    }

    deinit { close(lock) }

    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "this machine" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
