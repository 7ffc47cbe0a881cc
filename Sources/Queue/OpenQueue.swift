/// Opens a queue by the path of a file or the address of a database.
///
/// - Parameters:
///   - create: Whether it is made where there is none.
///   - timeout: How long to wait for a server that is out of reach: short for a person at a terminal, long for a world,
///     which may start at the same time as the server.
///   - outage: How long every call waits for a server that went away.
///   - diskTimeout: How long a file waits for room on a full disk, in every call.
/// - Throws: What ``SQLiteQueue`` and ``PostgresQueue`` throw when they are opened, and `badAddress`.
package func openQueue(
    _ name: String, create: Bool = false, timeout: Duration = .seconds(3), outage: Duration = .seconds(300),
    diskTimeout: Duration = .zero
) throws(QueueError) -> any JobQueue {
    if name.isEmpty { throw .badAddress(address: "''", reason: "it is empty; give a file, or an address") }
    if QueueAddress.isDatabase(name) {
        return try PostgresQueue(address: name, create: create, timeout: outage, openingTimeout: timeout)
    }
    // Such a name is meant as an address.
    if name.contains("://") || name.hasPrefix("postgres:") || QueueAddress.mayHoldPassword(name) {
        let reason = "a queue is a file, or its address begins with postgres://"
        throw .badAddress(address: PostgresAddress.masked(name), reason: reason)
    }
    return try SQLiteQueue(path: name, create: create, diskTimeout: diskTimeout)
}
