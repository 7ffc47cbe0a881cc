extension SQLiteQueue {
    package func lease(limit: Int, for duration: Duration, owner: String) throws(QueueError) -> [Lease] {
        let doing = "leasing jobs"
        return try write(doing: doing) { connection throws(QueueError) in
            try takeBackExpired(in: connection)
            try wakeRetries(in: connection)
            guard limit > 0 else { return [] }

            let jobs = try connection.rows(
                """
                SELECT sequence, id, images, prompt, max_tokens, priority, options, attempts FROM jobs
                WHERE state = 0 ORDER BY priority DESC, sequence LIMIT ?
                """, [.integer(limit)], doing: doing
            ) { row throws(QueueError) in
                let job = Job(
                    id: row.text(1), images: try ImageColumn.decode(row.text(2), queue: name), prompt: row.text(3),
                    maxTokens: Int(row.integer(4)), priority: Int(row.integer(5)), options: row.text(6))
                return (sequence: row.integer(0), job: job, attempts: Int(row.integer(7)))
            }
            guard !jobs.isEmpty else { return [] }

            let firstToken = try takeTokens(jobs.count, in: connection)
            let deadline = clock.bootNanoseconds() + duration.nanoseconds
            var leases: [Lease] = []
            for (offset, (sequence, job, attempts)) in jobs.enumerated() {
                let token = firstToken + Int64(offset)
                try connection.run(
                    """
                    UPDATE jobs SET state = ?, attempts = attempts + 1, lease_token = ?, lease_owner = ?,
                        lease_deadline = ?, boot = ? WHERE sequence = ?
                    """,
                    [
                        .state(.leased), .integer(token), .text(owner), .integer(deadline), .text(clock.bootID),
                        .integer(sequence),
                    ], doing: doing)
                let ticket = Lease.Ticket(sequence: sequence, token: token, jobID: job.id)
                leases.append(Lease(ticket: ticket, job: job, attempt: attempts + 1))
            }
            return leases
        }
    }

    package func renew(
        _ tickets: [Lease.Ticket], for duration: Duration
    ) throws(QueueError) -> [Lease.Ticket] {
        let doing = "renewing leases"
        let deadline = clock.bootNanoseconds() + duration.nanoseconds
        return try write(doing: doing) { connection throws(QueueError) in
            var lost: [Lease.Ticket] = []
            for ticket in tickets {
                try connection.run(
                    "UPDATE jobs SET lease_deadline = ? WHERE sequence = ? AND lease_token = ?",
                    [.integer(deadline), .integer(ticket.sequence), .integer(ticket.token)], doing: doing)
                if connection.changes == 0 { lost.append(ticket) }
            }
            return lost
        }
    }

    package func release(_ tickets: [Lease.Ticket]) throws(QueueError) {
        let doing = "returning leases"
        try write(doing: doing) { connection throws(QueueError) in
            for ticket in tickets {
                try connection.run(
                    """
                    UPDATE jobs SET state = ?, attempts = attempts - 1, \(Self.noLease)
                    WHERE sequence = ? AND lease_token = ?
                    """,
                    [.state(.ready), .integer(ticket.sequence), .integer(ticket.token)], doing: doing)
            }
        }
    }

    package func takeBackAll(countingAttempts: Bool) throws(QueueError) {
        try write(doing: "taking back leases") { connection throws(QueueError) in
            guard countingAttempts else {
                return try connection.run(
                    "UPDATE jobs SET state = ?, attempts = attempts - 1, \(Self.noLease) WHERE state = 1",
                    [.state(.ready)], doing: "taking back leases")
            }
            try takeBack(where: "state = 1", [], in: connection)
        }
    }

    package func timeToNextReady() throws(QueueError) -> Duration? {
        let doing = "looking for the next job"
        let boot: [Statement.Value] = [.text(clock.bootID)]
        let now = clock.bootNanoseconds()
        return try read(doing: doing) { connection throws(QueueError) in
            let deadlines = try connection.rows(
                """
                SELECT min(CASE boot WHEN ?1 THEN lease_deadline ELSE 0 END) FROM jobs WHERE state = 1
                UNION ALL
                SELECT min(CASE boot WHEN ?1 THEN not_before ELSE 0 END) FROM jobs WHERE state = 2
                """, boot, doing: doing
            ) { $0.integerOrNil(0) }
            return deadlines.compactMap(\.self).min().map { .nanoseconds(max(0, $0 - now)) }
        }
    }

    static let noLease = "lease_token = NULL, lease_owner = NULL, lease_deadline = NULL, boot = NULL"

    /// Jobs whose world died or hung: ready again, or failed where that was the last attempt.
    private func takeBackExpired(in connection: Connection) throws(QueueError) {
        for (condition, values) in over("lease_deadline") {
            try takeBack(where: "state = 1 AND \(condition)", values, in: connection)
        }
    }

    private func takeBack(
        where condition: String, _ values: [Statement.Value], in connection: Connection
    ) throws(QueueError) {
        let doing = "taking back leases"
        let expired = try connection.rows(
            "SELECT sequence, attempts, lease_owner FROM jobs WHERE \(condition)", values, doing: doing
        ) { (sequence: $0.integer(0), attempts: Int($0.integer(1)), owner: $0.text(2)) }
        for (sequence, attempts, owner) in expired.sorted(by: { $0.sequence < $1.sequence }) {
            if attempts >= retryPolicy.maximumAttempts {
                let failure = JobFailure(
                    code: "lease_expired",
                    message: "\(attempts) times a world died or hung while it had this job, the last was \(owner)")
                try end(sequence, as: .failed, .failed(failure, seconds: 0), in: connection)
            } else {
                try connection.run(
                    "UPDATE jobs SET state = ?, crashes = crashes + 1, \(Self.noLease) WHERE sequence = ?",
                    [.state(.ready), .integer(sequence)], doing: doing)
            }
        }
    }

    /// Jobs whose pause is over, and those that rested when the machine was started anew.
    private func wakeRetries(in connection: Connection) throws(QueueError) {
        for (condition, values) in over("not_before") {
            try connection.run(
                "UPDATE jobs SET state = 0, not_before = NULL, boot = NULL WHERE state = 2 AND \(condition)", values,
                doing: "waking jobs")
        }
    }

    /// Conditions that together find the jobs whose time has come, of this boot and of any other. One statement each:
    /// put together with OR they would walk through all jobs instead of the index.
    private func over(_ column: String) -> [(condition: String, values: [Statement.Value])] {
        let boot = Statement.Value.text(clock.bootID)
        return [
            ("boot = ? AND \(column) <= ?", [boot, .integer(clock.bootNanoseconds())]),
            ("boot < ?", [boot]),
            ("boot > ?", [boot]),
        ]
    }

    /// The first of `count` tokens that no lease ever had.
    private func takeTokens(_ count: Int, in connection: Connection) throws(QueueError) -> Int64 {
        let doing = "leasing jobs"
        let next = try connection.rows("SELECT next_token FROM queue", doing: doing) { $0.integer(0) }
        guard let first = next.first else { throw .corrupt(queue: name, detail: "the table queue is empty") }
        try connection.run("UPDATE queue SET next_token = next_token + ?", [.integer(count)], doing: doing)
        return first
    }
}
