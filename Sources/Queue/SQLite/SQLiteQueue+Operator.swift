/// What people ask a queue: its progress, its failures, to retry and to cancel jobs.
extension SQLiteQueue {
    /// The maximum number of rows that one transaction changes, so that worlds can work in between.
    private static let batch = 5_000

    /// Implements ``JobQueue/recentRate``.
    ///
    /// - Throws: ``QueueError``.
    package func recentRate() throws(QueueError) -> Double {
        let doing = "reading the speed"
        let window: Int64 = 60_000_000_000
        let start = clock.wallNanoseconds() - window
        let (finished, oldest) = try read(doing: doing) { connection throws(QueueError) in
            try connection.rows(
                """
                SELECT count(*), min(finished_at) FROM
                    (SELECT finished_at FROM results ORDER BY number DESC LIMIT \(Rate.maximumResults))
                WHERE finished_at > ?
                """, [.integer(start)], doing: doing
            ) { (Int($0.integer(0)), $0.integer(1)) }.first ?? (0, 0)
        }
        return Rate.perSecond(finished: finished, secondsSinceOldest: Double(start + window - oldest) / 1e9)
    }

    /// Implements ``JobQueue/failureGroups``.
    ///
    /// - Throws: ``QueueError``.
    package func failureGroups() throws(QueueError) -> [FailureGroup] {
        let doing = "counting failures"
        return try read(doing: doing) { connection throws(QueueError) in
            try connection.rows(
                """
                SELECT error_code, count(*), max(error_message) FROM jobs WHERE state = 4
                GROUP BY error_code ORDER BY count(*) DESC, error_code
                """, doing: doing
            ) { FailureGroup(code: $0.text(0), jobs: Int($0.integer(1)), example: $0.text(2)) }
        }
    }

    /// Implements ``JobQueue/retryGroups``.
    ///
    /// - Throws: ``QueueError``.
    package func retryGroups() throws(QueueError) -> [FailureGroup] {
        let doing = "counting jobs that wait for another attempt"
        return try read(doing: doing) { connection throws(QueueError) in
            try connection.rows(
                """
                SELECT error_code, count(*), max(error_message) FROM jobs WHERE state = 2
                GROUP BY error_code ORDER BY count(*) DESC, error_code
                """, doing: doing
            ) { FailureGroup(code: $0.text(0), jobs: Int($0.integer(1)), example: $0.text(2)) }
        }
    }

    /// Implements ``JobQueue/failedJobs``.
    ///
    /// - Throws: ``QueueError``.
    package func failedJobs(
        code: String?, afterSequence sequence: Int64, limit: Int
    ) throws(QueueError) -> [FailedJob] {
        let doing = "reading failures"
        let condition = code == nil ? "" : "AND error_code = ?"
        return try read(doing: doing) { connection throws(QueueError) in
            try connection.rows(
                """
                SELECT sequence, id, error_code, error_message, attempts FROM jobs
                WHERE state = 4 AND sequence > ? \(condition) ORDER BY sequence LIMIT ?
                """, [.integer(sequence)] + (code.map { [.text($0)] } ?? []) + [.integer(limit)], doing: doing
            ) {
                FailedJob(
                    sequence: $0.integer(0), id: $0.text(1),
                    failure: JobFailure(code: $0.text(2), message: $0.text(3)), attempts: Int($0.integer(4)))
            }
        }
    }

    /// Implements ``JobQueue/audit``.
    ///
    /// - Throws: ``QueueError``.
    package func audit(after number: Int64, limit: Int) throws(QueueError) -> [AuditEntry] {
        let doing = "reading the audit"
        return try read(doing: doing) { connection throws(QueueError) in
            try connection.rows(
                """
                SELECT number, sequence, id, state, token, owner, attempt FROM audit
                WHERE number > ? ORDER BY number LIMIT ?
                """, [.integer(number), .integer(limit)], doing: doing
            ) {
                AuditEntry(
                    number: $0.integer(0), sequence: $0.integer(1), id: $0.text(2),
                    state: JobState(rawValue: Int($0.integer(3))) ?? .done, token: $0.integerOrNil(4),
                    owner: $0.textOrNil(5), attempt: Int($0.integer(6)))
            }
        }
    }

    // MARK: Changes

    /// Implements ``JobQueue/retry``.
    ///
    /// - Throws: ``QueueError``.
    package func retry(_ selection: JobSelection) throws(QueueError) -> Int {
        // A job whose description is not valid has no pictures to retry it with.
        switch selection {
        case .all: try retry(where: "state = 4 AND images <> '[]'", [])
        case .code(JobFailure.cancelled): try retry(where: "state = 5", [])
        case .code(let code): try retry(where: "state = 4 AND error_code = ? AND images <> '[]'", [.text(code)])
        case .ids(let ids):
            try each(ids) { id throws(QueueError) in
                try retry(where: "state IN (4, 5) AND id = ? AND images <> '[]'", [.text(id)])
            }
        }
    }

    /// Implements ``JobQueue/picturesOfFailed``.
    ///
    /// - Throws: ``QueueError``.
    package func picturesOfFailed(
        code: String, afterSequence sequence: Int64, limit: Int
    ) throws(QueueError) -> [FailedPictures] {
        let doing = "reading failures"
        return try read(doing: doing) { connection throws(QueueError) in
            try connection.rows(
                """
                SELECT sequence, id, images FROM jobs
                WHERE state = 4 AND error_code = ? AND sequence > ? ORDER BY sequence LIMIT ?
                """, [.text(code), .integer(sequence), .integer(limit)], doing: doing
            ) { row throws(QueueError) in
                FailedPictures(
                    sequence: row.integer(0), id: row.text(1), images: try ImageColumn.decode(row.text(2), queue: name))
            }
        }
    }

    /// Implements ``JobQueue/replacePictures``.
    ///
    /// - Throws: ``QueueError``.
    package func replacePictures(_ jobs: [FailedPictures]) throws(QueueError) {
        let doing = "noting pictures as they are now"
        try write(doing: doing) { connection throws(QueueError) in
            for job in jobs {
                try connection.run(
                    "UPDATE jobs SET images = ?, picture = ? WHERE sequence = ? AND state = 4",
                    [
                        .text(ImageColumn.encode(job.images)), .integer(ImageColumn.group(of: job.images)),
                        .integer(job.sequence),
                    ], doing: doing)
            }
        }
    }

    /// Implements ``JobQueue/cancel``.
    ///
    /// - Throws: ``QueueError``.
    package func cancel(_ selection: JobSelection) throws(QueueError) -> Int {
        switch selection {
        case .all:
            try cancel(where: "state = 0", []) + cancel(where: "state = 2", []) + cancel(where: "state = 1", [])
        case .code(let code): try cancel(where: "state = 2 AND error_code = ?", [.text(code)])
        case .ids(let ids): try cancel(ids)
        }
    }

    /// Cancels jobs, several in a transaction: thousands wait for the disk a few times.
    private func cancel(_ ids: [String]) throws(QueueError) -> Int {
        let portion = 500
        var sum = 0
        for start in stride(from: 0, to: ids.count, by: portion) {
            let part = ids[start..<min(start + portion, ids.count)]
            let marks = Array(repeating: "?", count: part.count).joined(separator: ", ")
            sum += try cancel(where: "state IN (0, 1, 2) AND id IN (\(marks))", part.map { .text($0) })
        }
        return sum
    }

    /// Implements ``JobQueue/purge``.
    ///
    /// - Throws: ``QueueError``.
    package func purge(olderThan age: Duration) throws(QueueError) -> Int {
        try purge("SELECT sequence FROM results WHERE finished_at <= ? ORDER BY number LIMIT \(Self.batch)", age)
    }

    /// Implements ``JobQueue/purgeServed``.
    ///
    /// - Throws: ``QueueError``.
    package func purgeServed(olderThan age: Duration) throws(QueueError) -> Int {
        try purge(
            """
            SELECT jobs.sequence FROM jobs CROSS JOIN results ON results.sequence = jobs.sequence
            WHERE service IS NOT NULL AND finished_at <= ? LIMIT \(Self.batch)
            """, age)
    }

    private func purge(_ which: String, _ age: Duration) throws(QueueError) -> Int {
        let limit = Statement.Value.integer(clock.wallNanoseconds() - age.nanoseconds)
        return try inBatches(doing: "removing finished jobs") { connection, doing throws(QueueError) in
            let sequences = try connection.rows(which, [limit], doing: doing) { Statement.Value.integer($0.integer(0)) }
            for table in ["embedded", "results", "jobs"] {
                for sequence in sequences {
                    try connection.run("DELETE FROM \(table) WHERE sequence = ?", [sequence], doing: doing)
                }
            }
            return sequences.count
        }
    }

    /// Implements ``JobQueue/compact``.
    ///
    /// - Throws: ``QueueError``.
    package func compact() throws(QueueError) {
        try alone { connection throws(QueueError) in try connection.execute("VACUUM", doing: "giving back its room") }
    }

    private func retry(where condition: String, _ values: [Statement.Value]) throws(QueueError) -> Int {
        try inBatches(doing: "retrying jobs") { connection, doing throws(QueueError) in
            let sequences = try connection.rows(
                "SELECT sequence FROM jobs WHERE \(condition) LIMIT \(Self.batch)", values, doing: doing
            ) { Statement.Value.integer($0.integer(0)) }
            for sequence in sequences {
                try connection.run("DELETE FROM results WHERE sequence = ?", [sequence], doing: doing)
                try connection.run(
                    """
                    UPDATE jobs SET state = 0, attempts = 0, crashes = 0, suspect = 0, error_code = NULL,
                        error_message = NULL
                    WHERE sequence = ?
                    """, [sequence], doing: doing)
            }
            return sequences.count
        }
    }

    private func cancel(where condition: String, _ values: [Statement.Value]) throws(QueueError) -> Int {
        try inBatches(doing: "canceling jobs") { connection, doing throws(QueueError) in
            let sequences = try connection.rows(
                "SELECT sequence FROM jobs WHERE \(condition) LIMIT \(Self.batch)", values, doing: doing
            ) { $0.integer(0) }
            for sequence in sequences {
                try end(sequence, as: .cancelled, .failed(.cancellation, seconds: 0), in: connection)
            }
            return sequences.count
        }
    }

    private func each(_ ids: [String], _ body: (String) throws(QueueError) -> Int) throws(QueueError) -> Int {
        var sum = 0
        for id in ids { sum += try body(id) }
        return sum
    }

    /// Repeats a transaction until it changes fewer rows than a batch.
    private func inBatches(
        doing: String, _ body: (Connection, String) throws(QueueError) -> Int
    ) throws(QueueError) -> Int {
        var sum = 0
        while true {
            let changed = try write(doing: doing) { connection throws(QueueError) in try body(connection, doing) }
            sum += changed
            if changed < Self.batch { return sum }
        }
    }
}
