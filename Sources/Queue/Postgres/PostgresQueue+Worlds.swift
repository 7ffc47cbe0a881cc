import Base

extension PostgresQueue {
    /// Implements ``JobQueue/announce``.
    ///
    /// - Throws: ``QueueError``.
    package func announce(_ world: WorldRecord) throws(QueueError) {
        try ask(PostgresStatements.announce, [.text(world.owner), .text(world.encoded)], doing: "announcing a world")
    }

    /// Implements ``JobQueue/withdraw``. It also removes the records of worlds that nobody withdrew.
    ///
    /// - Throws: ``QueueError``.
    package func withdraw(_ owner: String) throws(QueueError) {
        try ask(
            PostgresStatements.forgetWorlds, [.text(owner), WorldRecord.longestKept.microseconds],
            doing: "withdrawing a world")
    }

    /// Implements ``JobQueue/worlds``.
    ///
    /// - Throws: ``QueueError``.
    package func worlds() throws(QueueError) -> [SeenWorld] {
        try ask(PostgresStatements.worlds, doing: "looking for worlds").map { row in
            WorldRecord(owner: row.text(0), encoded: row.text(1)).map {
                SeenWorld(record: $0, age: .microseconds(max(0, row.integer(2))))
            }
        }.compactMap(\.self)
    }
}
