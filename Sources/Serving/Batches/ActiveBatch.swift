import Base
import JobSources
import Queue

/// A batch that is being worked on, as the thread of the batches has it in memory.
final class ActiveBatch {
    let id: String
    /// The beginning of the ids of its jobs.
    let prefix: String
    let total: Int
    let output: BatchOutput
    var progress: BatchRecord.Progress
    /// The requests that have no line in the output yet.
    private(set) var remaining: Set<ExactText>
    /// The input, as far as it was submitted; nil where it is to be opened.
    var input: BatchInput?

    /// Goes on where a record says that the batch is.
    ///
    /// - Parameters:
    ///   - ids: Those of all requests.
    ///   - queue: The hash of the queue's name. In another queue than before there is nothing of the batch.
    /// - Throws: ``StateError``.
    init(_ record: BatchRecord, _ ids: Set<ExactText>, in store: BatchStore, queue: String) throws(StateError) {
        (id, prefix, total) = (record.id, record.prefix, record.total)
        output = try BatchOutput(
            answersAt: store.outputPath(of: id), failuresAt: store.errorPath(of: id), record.progress)
        progress = record.progress
        if record.queue != queue { (progress.submitted, progress.lastNumber) = (0, 0) }
        var left = ids
        try output.forEachID { left.remove(ExactText($0)) }
        remaining = left
    }

    /// Notes that a request gets its line.
    ///
    /// - Returns: False where it has one, or is none of this batch.
    func take(_ customID: String) -> Bool { remaining.remove(ExactText(customID)) != nil }

    /// Returns the `custom_id` of a job of this batch; nil for others.
    func customID(ofJob id: String) -> String? {
        guard id.utf8.starts(with: prefix.utf8) else { return nil }
        return String(decoding: id.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }
}
