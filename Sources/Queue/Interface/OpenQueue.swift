/// Opens the queue that a person named: the path of a file, or the address of a database.
///
/// - Parameters:
///   - create: makes it where there is none.
///   - patience: how long to wait for a server that is out of reach. A person at a terminal should soon be told; a world
///     that starts while the server does should not be counted as one that died.
/// - Throws: what ``SQLiteQueue`` and ``PostgresQueue`` throw when they are opened.
package func openQueue(
    _ name: String, create: Bool = false, patience: Duration = .seconds(3)
) throws(QueueError) -> any JobQueue {
    if name.isEmpty { throw .badAddress(address: "''", reason: "it is empty; give a file, or an address") }
    // A file of such a name is nobody's wish.
    if !PostgresAddress.isOne(name), name.contains("://") || name.hasPrefix("postgres:") {
        let reason = "a queue is a file, or its address begins with postgres://"
        throw .badAddress(address: PostgresAddress.masked(name), reason: reason)
    }
    if PostgresAddress.isOne(name) {
        return try PostgresQueue(address: name, create: create, openingPatience: patience)
    }
    return try SQLiteQueue(path: name, create: create)
}
