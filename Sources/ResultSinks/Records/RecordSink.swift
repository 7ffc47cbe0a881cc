import Base
import Glibc
import Queue

/// A file of records to which results are appended as they come. It is written beside its place first, with all that the queue
/// has, and then put there, so that nobody ever sees half of it; what a killed process left is replaced in this way.
final class RecordSink: ResultSink {
    private let path: String
    private let isSorted: Bool
    private let makeEncoder: (any JobQueue) throws -> any RecordEncoder
    /// The file in its place, and how far it is; nil before it was made.
    private var file: (writer: OutputWriter, encoder: any RecordEncoder, lastNumber: Int64)?

    /// - Parameters:
    ///   - isSorted: whether the records are put in the order of the jobs, at the end.
    ///   - makeEncoder: makes an encoder that knows all columns of the queue's results.
    init(path: String, isSorted: Bool, makeEncoder: @escaping (any JobQueue) throws -> any RecordEncoder) {
        self.path = path
        self.isSorted = isSorted
        self.makeEncoder = makeEncoder
    }

    func update(from queue: any JobQueue) throws {
        guard let current = file, current.writer.isInPlace else { return try rewrite(from: queue, sorted: false) }
        var last = current.lastNumber
        while true {
            let results = try queue.results(after: last, limit: 1000)
            // Until the results are in the file nobody knows which of them are: after an error it is written anew.
            file = nil
            for result in results {
                guard let record = try current.encoder.record(of: result) else {
                    return try rewrite(from: queue, sorted: false)
                }
                try current.writer.append(record)
            }
            try current.writer.flush()
            last = results.last?.number ?? last
            file = (current.writer, current.encoder, last)
            if results.isEmpty { return }
        }
    }

    func finish(from queue: any JobQueue) throws -> SinkReport {
        if isSorted { try rewrite(from: queue, sorted: true) } else { try update(from: queue) }
        guard let file, fsync(file.writer.descriptor) == 0 else { throw SinkError(SystemError(errno), writing: path) }
        return SinkReport()
    }

    private func rewrite(from queue: any JobQueue, sorted: Bool) throws {
        while true {
            let new: NewFile
            do throws(SystemError) { new = try NewFile(for: path) } catch { throw SinkError(error, writing: path) }
            let writer = OutputWriter(path: path, file: new)
            let encoder = try makeEncoder(queue)
            guard let last = try Self.write(all: queue, with: encoder, sorted: sorted, to: writer) else { continue }
            do throws(SystemError) { try new.commit() } catch { throw SinkError(error, writing: path) }
            file = (writer, encoder, last)
            return
        }
    }

    /// Writes all results that the queue has.
    ///
    /// - Returns: the number of the last in the order of completion, 0 for none; nil where a result with a new column came
    ///   meanwhile.
    static func write(
        all queue: any JobQueue, with encoder: any RecordEncoder, sorted: Bool, to writer: OutputWriter
    ) throws -> Int64? {
        try writer.append(encoder.header)
        var last: Int64 = 0
        var isComplete = true
        try queue.forEachResult(sorted: sorted) { result in
            guard isComplete, let record = try encoder.record(of: result) else {
                isComplete = false
                return
            }
            try writer.append(record)
            last = max(last, result.number)
        }
        try writer.flush()
        return isComplete ? last : nil
    }
}
