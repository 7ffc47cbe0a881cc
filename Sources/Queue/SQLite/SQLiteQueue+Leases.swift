extension SQLiteQueue {
    /// Implements ``JobQueue/lease``.
    ///
    /// - Throws: ``QueueError``.
    package func lease(
        limit: Int, for duration: Duration, owner: String, isProven: Bool
    ) throws(QueueError) -> [Lease] {
        let doing = "leasing jobs"
        return try write(doing: doing) { connection throws(QueueError) in
            try reclaimExpired(in: connection)
            try wakeRetries(in: connection)
            guard limit > 0 else { return [] }
            let others = { (limit: Int) throws(QueueError) -> [Lease] in
                try self.take(self.nextByPicture(limit, in: connection), for: duration, owner: owner, in: connection)
            }
            let held = try connection.rows(
                "SELECT suspect FROM jobs WHERE state = 1 AND lease_owner = ? LIMIT 1", [.text(owner)], doing: doing
            ) { $0.integer(0) != 0 }.first
            if held == true { return [] }
            if !isProven, try hasSuspects(in: connection) {
                // One other job, to see whether this world works.
                if held != nil { return [] }
                let leases = try others(1)
                if !leases.isEmpty { return leases }
            }
            if held == nil {
                // The one with the fewest deaths first: the worst must not delay the others.
                let worst = try sequences("state = 0 AND suspect = 1 ORDER BY crashes, sequence", 1, in: connection)
                let leases = try take(worst, for: duration, owner: owner, in: connection)
                if !leases.isEmpty { return leases }
            }
            return try others(limit)
        }
    }

    private func hasSuspects(in connection: Connection) throws(QueueError) -> Bool {
        let found = try connection.rows(
            "SELECT 1 FROM jobs WHERE state = 0 AND suspect = 1 LIMIT 1", doing: "looking for suspect jobs"
        ) { _ in true }
        return !found.isEmpty
    }

    /// Returns the next jobs in their order, but those about one picture together, after the first of them.
    private func nextByPicture(_ limit: Int, in connection: Connection) throws(QueueError) -> [Int64] {
        let ready = "state = 0 AND suspect = 0"
        let heads = try connection.rows(
            "SELECT picture, priority FROM jobs WHERE \(ready) ORDER BY priority DESC, sequence LIMIT ?",
            [.integer(limit)], doing: "leasing jobs"
        ) { PictureGroup(picture: $0.integer(0), priority: $0.integer(1)) }
        var taken: [Int64] = []
        var seen: Set<PictureGroup> = []
        for group in heads where taken.count < limit && seen.insert(group).inserted {
            taken += try sequences(
                "\(ready) AND picture = ? AND priority = ? ORDER BY sequence", limit - taken.count,
                [.integer(group.picture), .integer(group.priority)], in: connection)
        }
        return taken
    }

    private struct PictureGroup: Hashable {
        let picture: Int64
        let priority: Int64
    }

    private func sequences(
        _ condition: String, _ limit: Int, _ values: [Statement.Value] = [], in connection: Connection
    ) throws(QueueError) -> [Int64] {
        try connection.rows(
            "SELECT sequence FROM jobs WHERE \(condition) LIMIT ?", values + [.integer(limit)], doing: "leasing jobs"
        ) { $0.integer(0) }
    }

    /// Leases these jobs, in this order.
    private func take(
        _ sequences: [Int64], for duration: Duration, owner: String, in connection: Connection
    ) throws(QueueError) -> [Lease] {
        let doing = "leasing jobs"
        var found: [Lease] = []
        for sequence in sequences { found += try unleased(sequence, in: connection) }
        guard !found.isEmpty else { return [] }

        let firstToken = try takeTokens(found.count, in: connection)
        let deadline = clock.bootNanoseconds() + duration.nanoseconds
        var leases: [Lease] = []
        for (offset, var lease) in found.enumerated() {
            lease.handle.token = firstToken + Int64(offset)
            lease.job.images = try withBytes(lease.job.images, of: lease.handle.sequence, in: connection)
            try connection.run(
                """
                UPDATE jobs SET state = ?, attempts = attempts + 1, lease_token = ?, lease_owner = ?,
                    lease_deadline = ?, boot = ? WHERE sequence = ?
                """,
                [
                    .state(.leased), .integer(lease.handle.token), .text(owner), .integer(deadline),
                    .text(clock.bootID), .integer(lease.handle.sequence),
                ], doing: doing)
            leases.append(lease)
        }
        return leases
    }

    /// Returns a job as a lease without its token.
    private func unleased(_ sequence: Int64, in connection: Connection) throws(QueueError) -> [Lease] {
        try connection.rows(
            """
            SELECT sequence, id, images, prompt, max_tokens, priority, options, attempts, suspect, service FROM jobs
            WHERE sequence = ?
            """, [.integer(sequence)], doing: "leasing jobs"
        ) { row throws(QueueError) in
            var job = Job(
                id: row.text(1), images: try ImageColumn.decode(row.text(2), queue: name), prompt: row.text(3),
                maxTokens: min(Int(row.integer(4)), Job.largestMaxTokens), priority: Int(row.integer(5)),
                options: row.text(6))
            job.service = row.textOrNil(9)
            let handle = LeaseHandle(sequence: row.integer(0), token: 0, jobID: job.id)
            return Lease(
                handle: handle, job: job, attempt: Int(row.integer(7)) + 1, isSuspect: row.integer(8) != 0)
        }
    }

    /// Returns the pictures, with the bytes of those that are stored in the queue.
    private func withBytes(
        _ images: [JobImage], of sequence: Int64, in connection: Connection
    ) throws(QueueError) -> [JobImage] {
        let embedded = try connection.rows(
            "SELECT position, bytes FROM embedded WHERE sequence = ?", [.integer(sequence)], doing: "reading pictures"
        ) { (Int($0.integer(0)), $0.numbers(1, of: UInt8.self)) }
        var images = images
        for (position, bytes) in embedded where images.indices.contains(position) { images[position].bytes = bytes }
        return images
    }

    /// Implements ``JobQueue/renew``.
    ///
    /// - Throws: ``QueueError``.
    package func renew(
        _ handles: [LeaseHandle], for duration: Duration
    ) throws(QueueError) -> [LeaseHandle] {
        let doing = "renewing leases"
        let deadline = clock.bootNanoseconds() + duration.nanoseconds
        return try write(doing: doing) { connection throws(QueueError) in
            var lost: [LeaseHandle] = []
            for handle in handles {
                try connection.run(
                    "UPDATE jobs SET lease_deadline = ? WHERE sequence = ? AND lease_token = ?",
                    [.integer(deadline), .integer(handle.sequence), .integer(handle.token)], doing: doing)
                if connection.changes == 0 { lost.append(handle) }
            }
            return lost
        }
    }

    /// Implements ``JobQueue/release``.
    ///
    /// - Throws: ``QueueError``.
    package func release(_ handles: [LeaseHandle]) throws(QueueError) {
        let doing = "returning leases"
        try write(doing: doing) { connection throws(QueueError) in
            for handle in handles {
                try connection.run(
                    """
                    UPDATE jobs SET state = ?, attempts = attempts - 1, \(Self.noLease)
                    WHERE sequence = ? AND lease_token = ?
                    """,
                    [.state(.ready), .integer(handle.sequence), .integer(handle.token)], doing: doing)
            }
        }
    }

    /// Implements ``JobQueue/release``.
    ///
    /// - Throws: ``QueueError``.
    @discardableResult
    package func release(ofWorld owner: String) throws(QueueError) -> Int {
        let doing = "returning a world's leases"
        return try write(doing: doing) { connection throws(QueueError) in
            try connection.run(
                "UPDATE jobs SET state = ?, attempts = attempts - 1, \(Self.noLease) WHERE state = 1 AND lease_owner = ?",
                [.state(.ready), .text(owner)], doing: doing)
            return connection.changes
        }
    }

    /// Implements ``JobQueue/reclaimAll``.
    ///
    /// - Throws: ``QueueError``.
    package func reclaimAll(countingAttempts: Bool) throws(QueueError) {
        try write(doing: "reclaiming leases") { connection throws(QueueError) in
            guard countingAttempts else {
                return try connection.run(
                    "UPDATE jobs SET state = ?, attempts = attempts - 1, \(Self.noLease) WHERE state = 1",
                    [.state(.ready)], doing: "reclaiming leases")
            }
            try reclaim(where: "state = 1", [], in: connection)
        }
    }

    /// Implements ``JobQueue/recordDeath``.
    ///
    /// - Throws: ``QueueError``.
    @discardableResult
    package func recordDeath(
        ofWorld owner: String, cause: String, failsPoison: Bool
    ) throws(QueueError) -> DeathRecord {
        let doing = "recording the death of a world"
        return try write(doing: doing) { connection throws(QueueError) in
            let held = try connection.rows(
                "SELECT sequence, id, suspect, crashes FROM jobs WHERE state = 1 AND lease_owner = ? ORDER BY sequence",
                [.text(owner)], doing: doing
            ) { (sequence: $0.integer(0), id: $0.text(1), wasAlone: $0.integer(2) != 0, deaths: Int($0.integer(3))) }
            var record = DeathRecord()
            record.wasAlone = held.count == 1 && held.allSatisfy(\.wasAlone)
            for (sequence, id, wasAlone, deaths) in held {
                let deaths = wasAlone ? deaths + 1 : deaths
                if failsPoison, deaths >= retryPolicy.maximumDeathsAlone {
                    let failure = retryPolicy.poison(cause: cause)
                    try end(sequence, as: .failed, .failed(failure, seconds: 0), in: connection)
                    record.poisoned.append(id)
                } else {
                    try connection.run(
                        """
                        UPDATE jobs SET state = ?, suspect = 1, crashes = ?, attempts = attempts - 1, \(Self.noLease)
                        WHERE sequence = ?
                        """, [.state(.ready), .integer(deaths), .integer(sequence)], doing: doing)
                    record.reclaimed += 1
                }
            }
            return record
        }
    }

    /// Implements ``JobQueue/hasAnswered``.
    ///
    /// - Throws: ``QueueError``.
    package func hasAnswered(_ owner: String) throws(QueueError) -> Bool {
        let doing = "looking for a world's answers"
        return try read(doing: doing) { connection throws(QueueError) in
            let found = try connection.rows(
                """
                SELECT 1 FROM (SELECT owner, state FROM audit ORDER BY number DESC LIMIT ?)
                WHERE owner = ? AND state = 3 LIMIT 1
                """, [.integer(RetryPolicy.rememberedEnds), .text(owner)], doing: doing
            ) { _ in true }
            return !found.isEmpty
        }
    }

    /// Implements ``JobQueue/holders``.
    ///
    /// - Throws: ``QueueError``.
    package func holders() throws(QueueError) -> [LeaseHolder] {
        let doing = "looking for worlds"
        return try read(doing: doing) { connection throws(QueueError) in
            try connection.rows(
                """
                SELECT lease_owner, count(*), max(suspect) FROM jobs WHERE state = 1
                GROUP BY lease_owner ORDER BY lease_owner
                """, doing: doing
            ) { LeaseHolder(owner: $0.text(0), jobs: Int($0.integer(1)), hasSuspect: $0.integer(2) != 0) }
        }
    }

    /// Implements ``JobQueue/timeToNextReady``.
    ///
    /// - Throws: ``QueueError``.
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

    /// Reclaims expired leases: their jobs become ready again, or failed where that was the last attempt.
    private func reclaimExpired(in connection: Connection) throws(QueueError) {
        for (condition, values) in over("lease_deadline") {
            try reclaim(where: "state = 1 AND \(condition)", values, in: connection)
        }
    }

    private func reclaim(
        where condition: String, _ values: [Statement.Value], in connection: Connection
    ) throws(QueueError) {
        let doing = "reclaiming leases"
        let expired = try connection.rows(
            "SELECT sequence, attempts, lease_owner FROM jobs WHERE \(condition)", values, doing: doing
        ) { (sequence: $0.integer(0), attempts: Int($0.integer(1)), owner: $0.text(2)) }
        for (sequence, attempts, owner) in expired.sorted(by: { $0.sequence < $1.sequence }) {
            if attempts >= retryPolicy.maximumAttempts {
                let failure = retryPolicy.expiry(attempts: attempts, owner: owner)
                try end(sequence, as: .failed, .failed(failure, seconds: 0), in: connection)
            } else {
                try connection.run(
                    "UPDATE jobs SET state = ?, suspect = 1, \(Self.noLease) WHERE sequence = ?",
                    [.state(.ready), .integer(sequence)], doing: doing)
            }
        }
    }

    /// Makes jobs ready whose pause is over, and those of an earlier boot.
    private func wakeRetries(in connection: Connection) throws(QueueError) {
        for (condition, values) in over("not_before") {
            try connection.run(
                "UPDATE jobs SET state = 0, not_before = NULL, boot = NULL WHERE state = 2 AND \(condition)", values,
                doing: "waking jobs")
        }
    }

    /// Returns conditions that together find the jobs whose time has passed, of this boot and of any other. Each is a
    /// statement: combined with OR they would scan all jobs instead of using the index.
    private func over(_ column: String) -> [(condition: String, values: [Statement.Value])] {
        let boot = Statement.Value.text(clock.bootID)
        return [
            ("boot = ? AND \(column) <= ?", [boot, .integer(clock.bootNanoseconds())]),
            ("boot < ?", [boot]),
            ("boot > ?", [boot]),
        ]
    }

    /// Returns the first of `count` fencing tokens that no lease ever had.
    private func takeTokens(_ count: Int, in connection: Connection) throws(QueueError) -> Int64 {
        let doing = "leasing jobs"
        let next = try connection.rows("SELECT next_token FROM queue", doing: doing) { $0.integer(0) }
        guard let first = next.first else { throw .corrupt(queue: name, detail: "the table queue is empty") }
        try connection.run("UPDATE queue SET next_token = next_token + ?", [.integer(count)], doing: doing)
        return first
    }
}
