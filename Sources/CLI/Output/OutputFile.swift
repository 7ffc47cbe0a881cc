import Base
import Foundation
import Queue

#if canImport(Glibc)
    import Glibc
#endif

/// A file of results that was written beside its place and then put there, so that nobody ever sees half of it, and to
/// which further lines may be appended.
final class OutputFile {
    let path: String
    private let lines: LineWriter
    /// The number of the last result in the file.
    private(set) var lastNumber: Int64

    /// Writes what `queue` has so far, in place of what is at `path`.
    convenience init(writingAll queue: any JobQueue, sorted: Bool, to path: String) throws {
        try self.init(at: path) { try $0.write(all: queue, sorted: sorted) }
    }

    /// Puts a new file in place of what is at `path`, when it is whole.
    ///
    /// - Parameter write: returns the number of the last result in it.
    init(at path: String, write: (LineWriter) throws -> Int64) throws {
        self.path = path
        do {
            let file = try NewFile(for: path)
            lines = LineWriter(path: path, file: file)
            lastNumber = try write(lines)
            try file.commit()
        } catch let error as SystemError {
            throw LineWriter.failure(error, path: path)
        }
    }

    /// Appends the results that came since.
    func appendNew(from queue: any JobQueue) throws {
        while true {
            let results = try queue.results(after: lastNumber, limit: 1000)
            for result in results { try lines.append(result) }
            try lines.flush()
            guard let last = results.last else { return }
            lastNumber = last.number
        }
    }
}
