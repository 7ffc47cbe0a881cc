extension PostgresQueue {
    /// Implements ``JobQueue/lease``.
    ///
    /// - Throws: ``QueueError``.
    package func lease(
        limit: Int, for duration: Duration, owner: String, isProven: Bool
    ) throws(QueueError) -> [Lease] {
        let doing = "leasing jobs"
        // Tells what this call got, should the answer be lost.
        let claim = PostgresValue.integer(Int64.random(in: .min ... .max))
        let claimed = try session.run(doing: doing) {
            connection, mayHaveHappened throws(PostgresError) -> (rows: PostgresRows?, embedded: PostgresRows?) in
            if mayHaveHappened {
                let rows = try connection.run(PostgresStatements.claimed, [.text(owner), claim], doing: doing)
                if rows.count > 0 { return (rows, try self.embedded(for: rows, in: connection)) }
            }
            let found = try look(for: owner, in: connection)
            guard limit > 0, !found.holdsSuspect else { return (nil, nil) }
            let more = [PostgresValue.text(owner), claim, duration.microseconds]
            if found.hasSuspects && !isProven {
                // One other job, to see whether this world works.
                if found.holdsLease { return (nil, nil) }
                let rows = try connection.run(PostgresStatements.claim, [.integer(1)] + more, doing: doing)
                if rows.count > 0 { return (rows, try self.embedded(for: rows, in: connection)) }
            }
            if found.hasSuspects && !found.holdsLease {
                let rows = try connection.run(PostgresStatements.claimSuspect, [.integer(1)] + more, doing: doing)
                if rows.count > 0 { return (rows, try self.embedded(for: rows, in: connection)) }
            }
            guard found.hasOthers else { return (nil, nil) }
            let rows = try connection.run(PostgresStatements.claim, [.integer(limit)] + more, doing: doing)
            return (rows, try self.embedded(for: rows, in: connection))
        }
        guard let rows = claimed.rows else { return [] }
        var leases = try rows.map(lease(from:)).sorted { $0.handle.token < $1.handle.token }
        for row in claimed.embedded?.map({ $0 }) ?? [] {
            let position = Int(row.integer(1))
            guard let index = leases.firstIndex(where: { $0.handle.sequence == row.integer(0) }),
                leases[index].job.images.indices.contains(position)
            else { continue }
            leases[index].job.images[position].bytes = row.bytes(2)
        }
        return leases
    }

    private struct Findings {
        var holdsLease = false
        var holdsSuspect = false
        var hasSuspects = false
        /// Jobs that are ready and not suspect.
        var hasOthers = false
    }

    /// Reclaims expired leases and makes jobs ready whose pauses are over, then looks for jobs.
    private func look(for owner: String, in connection: PostgresConnection) throws(PostgresError) -> Findings {
        let doing = "leasing jobs"
        var hasSwept = false
        while true {
            guard let row = try connection.run(PostgresStatements.look, [.text(owner)], doing: doing).first else {
                return Findings()
            }
            let (hasExpired, hasEndedPauses) = (row.flag(0), row.flag(1))
            // Once only: other processes have locked what is left, and do the same.
            guard hasExpired || hasEndedPauses, !hasSwept else {
                return Findings(
                    holdsLease: row.flag(2), holdsSuspect: row.flag(3), hasSuspects: row.flag(4),
                    hasOthers: row.flag(5))
            }
            hasSwept = true
            if hasExpired { try reclaim(PostgresStatements.reclaimExpired, in: connection) }
            if hasEndedPauses {
                while try connection.run(PostgresStatements.endPauses, doing: doing).changes == PostgresStatements.batch
                {}
            }
        }
    }

    private func reclaim(_ sql: String, in connection: PostgresConnection) throws(PostgresError) {
        let failure = retryPolicy.expiry(attempts: retryPolicy.maximumAttempts, owner: "{owner}")
        let values: [PostgresValue] = [
            .integer(retryPolicy.maximumAttempts), .text(failure.code), .text(failure.message),
        ]
        let batch = Int64(PostgresStatements.batch)
        while try connection.run(sql, values, doing: "reclaiming leases").first?.integer(0) == batch {}
    }

    private func embedded(
        for rows: PostgresRows, in connection: PostgresConnection
    ) throws(PostgresError) -> PostgresRows? {
        let sequences = rows.map { $0.flag(10) ? $0.integer(0) : nil }.compactMap(\.self)
        guard !sequences.isEmpty else { return nil }
        return try connection.run(PostgresStatements.embedded, [.integers(sequences)], doing: "reading pictures")
    }

    private func lease(from row: PostgresRows.Row) throws(QueueError) -> Lease {
        var job = Job(
            id: row.text(2), images: try ImageColumn.decode(row.text(3), queue: name), prompt: row.text(4),
            maxTokens: min(Int(row.integer(5)), Job.largestMaxTokens), priority: Int(row.integer(6)),
            options: row.text(7))
        job.service = row.textOrNil(11)
        let handle = LeaseHandle(sequence: row.integer(0), token: row.integer(1), jobID: job.id)
        return Lease(handle: handle, job: job, attempt: Int(row.integer(8)), isSuspect: row.flag(9))
    }

    /// Implements ``JobQueue/renew``.
    ///
    /// - Throws: ``QueueError``.
    package func renew(_ handles: [LeaseHandle], for duration: Duration) throws(QueueError) -> [LeaseHandle] {
        guard !handles.isEmpty else { return [] }
        let rows = try ask(
            PostgresStatements.renew, Self.columns(handles) + [duration.microseconds], doing: "renewing leases")
        let renewed = Set(rows.map { $0.integer(0) })
        return handles.filter { !renewed.contains($0.sequence) }
    }

    /// Implements ``JobQueue/release``.
    ///
    /// - Throws: ``QueueError``.
    package func release(_ handles: [LeaseHandle]) throws(QueueError) {
        guard !handles.isEmpty else { return }
        try ask(PostgresStatements.release, Self.columns(handles), doing: "returning leases")
    }

    /// Implements ``JobQueue/release``.
    ///
    /// - Throws: ``QueueError``.
    @discardableResult
    package func release(ofWorld owner: String) throws(QueueError) -> Int {
        try ask(PostgresStatements.releaseWorld, [.text(owner)], doing: "returning a world's leases").changes
    }

    /// Implements ``JobQueue/reclaimAll``.
    ///
    /// - Throws: ``QueueError``.
    package func reclaimAll(countingAttempts: Bool) throws(QueueError) {
        let doing = "reclaiming leases"
        try session.run(doing: doing) { connection, _ throws(PostgresError) in
            if countingAttempts {
                try reclaim(PostgresStatements.reclaimAll, in: connection)
            } else {
                try connection.run(PostgresStatements.releaseAll, doing: doing)
            }
        }
    }

    /// Implements ``JobQueue/recordDeath``.
    ///
    /// - Throws: ``QueueError``.
    @discardableResult
    package func recordDeath(
        ofWorld owner: String, cause: String, failsPoison: Bool
    ) throws(QueueError) -> DeathRecord {
        let failure = retryPolicy.poison(cause: cause)
        let rows = try ask(
            PostgresStatements.recordDeath,
            [
                .text(owner), .integer(retryPolicy.maximumDeathsAlone), .text(failure.code), .text(failure.message),
                .flag(failsPoison),
            ], doing: "recording the death of a world")
        var record = DeathRecord()
        record.wasAlone = rows.count == 1 && rows[0].flag(2)
        for (id, isPoison) in rows.map({ ($0.text(0), $0.flag(1)) }) {
            if isPoison { record.poisoned.append(id) } else { record.reclaimed += 1 }
        }
        return record
    }

    /// Implements ``JobQueue/hasAnswered``.
    ///
    /// - Throws: ``QueueError``.
    package func hasAnswered(_ owner: String) throws(QueueError) -> Bool {
        let values: [PostgresValue] = [.text(owner), .integer(RetryPolicy.rememberedEnds)]
        let row = try ask(PostgresStatements.hasAnswered, values, doing: "looking for a world's answers").first
        return row?.flag(0) ?? false
    }

    /// Implements ``JobQueue/holders``.
    ///
    /// - Throws: ``QueueError``.
    package func holders() throws(QueueError) -> [LeaseHolder] {
        try ask(PostgresStatements.holders, doing: "looking for worlds").map {
            LeaseHolder(owner: $0.text(0), jobs: Int($0.integer(1)), hasSuspect: $0.flag(2))
        }
    }

    private static func columns(_ handles: [LeaseHandle]) -> [PostgresValue] {
        [.integers(handles.map(\.sequence)), .integers(handles.map(\.token))]
    }
}
