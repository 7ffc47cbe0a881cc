import Base
import Queue

/// Where the results of a queue go. A sink that was killed at any moment goes on where it was when it is made again with the
/// same options: what it wrote is neither torn nor doubled then.
package protocol ResultSink: AnyObject {
    /// Writes what the queue has since the last call, as far as the format can grow.
    ///
    /// - Throws: ``SinkError`` where the output cannot be written, `QueueError` where the queue cannot be read.
    func update(from queue: any JobQueue) throws

    /// Writes everything that the queue has, so that the output is whole.
    ///
    /// - Throws: as ``update(from:)``.
    func finish(from queue: any JobQueue) throws -> SinkReport
}

/// What a person has to know about an output that was written.
package struct SinkReport: Sendable, Equatable {
    /// A sentence each.
    package var notes: [String] = []
    /// Whether answers are left out that were to be in the output.
    package var isIncomplete = false

    package init() {}

    /// Adds a sentence about so many things.
    ///
    /// - Parameters:
    ///   - one: what stands behind the number 1.
    ///   - many: what stands behind other numbers; nothing is said about none.
    mutating func note(_ count: Int, _ one: String, _ many: String) {
        if count > 0 { notes.append(count.counted(one, many)) }
    }
}
