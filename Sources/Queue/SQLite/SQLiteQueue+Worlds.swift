import Base

extension SQLiteQueue {
    /// Implements ``JobQueue/announce``.
    ///
    /// - Throws: ``QueueError``.
    package func announce(_ world: WorldRecord) throws(QueueError) {
        let (doing, now) = ("announcing a world", clock.wallNanoseconds())
        try write(doing: doing) { connection throws(QueueError) in
            try connection.run(
                """
                INSERT INTO worlds (owner, record, seen_at) VALUES (?1, ?2, ?3)
                ON CONFLICT (owner) DO UPDATE SET record = ?2, seen_at = ?3
                """, [.text(world.owner), .text(world.encoded), .integer(now)], doing: doing)
            try connection.run(
                "DELETE FROM worlds WHERE seen_at < ?", [.integer(now - WorldRecord.longestKept.nanoseconds)],
                doing: doing)
        }
    }

    /// Implements ``JobQueue/withdraw``.
    ///
    /// - Throws: ``QueueError``.
    package func withdraw(_ owner: String) throws(QueueError) {
        let doing = "withdrawing a world"
        try write(doing: doing) { connection throws(QueueError) in
            try connection.run("DELETE FROM worlds WHERE owner = ?", [.text(owner)], doing: doing)
        }
    }

    /// Implements ``JobQueue/worlds``.
    ///
    /// - Throws: ``QueueError``.
    package func worlds() throws(QueueError) -> [SeenWorld] {
        let (doing, now) = ("looking for worlds", clock.wallNanoseconds())
        return try read(doing: doing) { connection throws(QueueError) in
            try connection.rows("SELECT owner, record, seen_at FROM worlds ORDER BY owner", doing: doing) { row in
                WorldRecord(owner: row.text(0), encoded: row.text(1)).map {
                    SeenWorld(record: $0, age: .nanoseconds(max(0, now - row.integer(2))))
                }
            }.compactMap(\.self)
        }
    }
}
