/// Opens the queue that a person named: the path of a file, or the address of a database.
///
/// - Parameter create: makes it where there is none.
/// - Throws: what ``SQLiteQueue`` and ``PostgresQueue`` throw when they are opened.
package func openQueue(_ name: String, create: Bool = false) throws(QueueError) -> any JobQueue {
    if PostgresAddress.isOne(name) { return try PostgresQueue(address: name, create: create) }
    return try SQLiteQueue(path: name, create: create)
}
