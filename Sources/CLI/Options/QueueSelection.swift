import Queue
import WorkerInterface

/// The queue that a command works on, with the flag, the variable and the help that pg-worker has for it.
enum QueueSelection: OptionSelection {
    typealias Table = WorkerOptions
    static let options: [any AnyOptionDefinition] = [Table.table.queue]
}

extension OptionFlags<QueueSelection> {
    /// Returns the queue's address: a file, or postgres://host/database.
    ///
    /// - Throws: `OptionError` where none is given.
    func address() throws(OptionError) -> String { try values().queue }

    /// Opens the queue.
    ///
    /// - Parameter create: makes a queue where there is none.
    /// - Throws: `OptionError` where none is given, `QueueError` where it cannot be opened.
    func opened(create: Bool = false) throws -> any JobQueue { try openQueue(address(), create: create) }
}
