import Base

/// A queue in a PostgreSQL database, for worlds on any number of machines.
///
/// Time is the database's. A server that goes away is waited for (``PostgresSession``): a finish whose answer was lost
/// with the connection is looked up by its token and not done twice, a lease by the number of its call.
package final class PostgresQueue: JobQueue {
    package let name: String
    package let retryPolicy: RetryPolicy
    let session: PostgresSession

    /// Opens the queue of a database.
    ///
    /// - Parameters:
    ///   - address: `postgres://user@host:5432/database`.
    ///   - create: makes its tables where there are none.
    ///   - timeout: how long a call waits for a server that went away. Leases run out meanwhile: what was done under
    ///     them is refused by its token, not lost.
    ///   - openingTimeout: the same for the opening, for a server that is being started.
    /// - Throws: `badAddress`, `unreachable`, `refused`, `notAQueue`, `newerSchema`, `olderSchema`.
    package init(
        address: String, create: Bool = false, timeout: Duration = .seconds(300),
        openingTimeout: Duration = .seconds(3), retryPolicy: RetryPolicy = RetryPolicy()
    ) throws(QueueError) {
        let address = try PostgresAddress(address)
        name = address.masked
        self.retryPolicy = retryPolicy
        session = PostgresSession(address, timeout: timeout)
        try PostgresSchema.prepare(session, create: create, timeout: openingTimeout)
    }

    /// Implements ``JobQueue/adopt``.
    ///
    /// - Throws: ``QueueError``.
    package func adopt(fingerprint: String, modelName: String) throws(QueueError) {
        let doing = "comparing the model"
        let known = try session.run(doing: doing) { connection, _ throws(PostgresError) in
            try connection.run(PostgresStatements.adopt, [.text(fingerprint), .text(modelName)], doing: doing)
            return try connection.run(PostgresStatements.model, doing: doing).first.map { ($0.text(0), $0.text(1)) }
        }
        guard let (known, knownName) = known else { throw .corrupt(queue: name, detail: "the table queue is empty") }
        guard known == fingerprint else {
            throw .otherModel(
                queue: name, belongsTo: "\(knownName) (\(known))", offered: "\(modelName) (\(fingerprint))")
        }
    }

    package var retries: UInt64 { session.retries }

    /// Implements ``JobQueue/modelName``.
    ///
    /// - Throws: ``QueueError``.
    package func modelName() throws(QueueError) -> String? {
        try ask(PostgresStatements.model, doing: "reading the model").first?.textOrNil(1)
    }

    /// Implements ``JobQueue/counts``.
    ///
    /// - Throws: ``QueueError``.
    package func counts() throws(QueueError) -> JobCounts {
        var counts = JobCounts()
        guard let row = try ask(PostgresStatements.counts, doing: "counting").first else { return counts }
        for (column, state) in JobState.allCases.enumerated() { counts[state] = Int(row.integer(Int32(column))) }
        return counts
    }

    /// Implements ``JobQueue/recentRate``.
    ///
    /// - Throws: ``QueueError``.
    package func recentRate() throws(QueueError) -> Double {
        guard let row = try ask(PostgresStatements.recentRate, doing: "reading the speed").first else { return 0 }
        return Rate.perSecond(finished: Int(row.integer(0)), secondsSinceOldest: row.real(1))
    }

    /// Implements ``JobQueue/timeToNextReady``.
    ///
    /// - Throws: ``QueueError``.
    package func timeToNextReady() throws(QueueError) -> Duration? {
        let row = try ask(PostgresStatements.timeToNextReady, doing: "looking for the next job").first
        return row?.integerOrNil(0).map { .microseconds(max(0, $0)) }
    }

    /// Implements ``JobQueue/verify``.
    ///
    /// - Throws: ``QueueError``.
    package func verify() throws(QueueError) {
        let doing = "verifying it"
        let finding = try session.run(doing: doing) { connection, _ throws(PostgresError) in
            try connection.transaction(doing: doing) { () throws(PostgresError) -> String? in
                try connection.execute(PostgresStatements.oneSnapshot, doing: doing)
                for (sql, detail) in PostgresStatements.invariants {
                    let violations = try connection.run(sql, doing: doing).first?.integer(0) ?? 0
                    if violations > 0 { return "\(Int(clamping: violations).counted("time")) \(detail)" }
                }
                return nil
            }
        }
        if let finding { throw .corrupt(queue: name, detail: finding) }
    }

    // MARK: Access

    /// One statement that is one transaction, and may be done twice without harm.
    @discardableResult
    func ask(_ sql: String, _ values: [PostgresValue] = [], doing: String) throws(QueueError) -> PostgresRows {
        try session.run(doing: doing) { connection, _ throws(PostgresError) in
            try connection.run(sql, values, doing: doing)
        }
    }

    /// Repeats a statement that says how many rows it changed until they are less than a batch.
    func askInBatches(_ sql: String, _ values: [PostgresValue], doing: String) throws(QueueError) -> Int {
        var sum = 0
        while true {
            let changed = Int(try ask(sql, values, doing: doing).first?.integer(0) ?? 0)
            sum += changed
            if changed < PostgresStatements.batch { return sum }
        }
    }
}

extension Duration {
    /// For an interval of the server's; centuries are cut to one.
    var microseconds: PostgresValue { .integer(min(nanoseconds / 1000, 3_155_760_000_000_000)) }
}
