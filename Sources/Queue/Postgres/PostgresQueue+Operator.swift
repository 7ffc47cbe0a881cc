/// What people ask of a queue: what failed, what to do again or not at all.
extension PostgresQueue {
    /// Implements ``JobQueue/failureGroups``.
    ///
    /// - Throws: ``QueueError``.
    package func failureGroups() throws(QueueError) -> [FailureGroup] {
        try ask(PostgresStatements.failureGroups, doing: "counting failures").map {
            FailureGroup(code: $0.text(0), jobs: Int($0.integer(1)), example: $0.text(2))
        }
    }

    /// Implements ``JobQueue/retryGroups``.
    ///
    /// - Throws: ``QueueError``.
    package func retryGroups() throws(QueueError) -> [FailureGroup] {
        try ask(PostgresStatements.retryGroups, doing: "counting jobs that wait for another attempt").map {
            FailureGroup(code: $0.text(0), jobs: Int($0.integer(1)), example: $0.text(2))
        }
    }

    /// Implements ``JobQueue/failedJobs``.
    ///
    /// - Throws: ``QueueError``.
    package func failedJobs(
        code: String?, afterSequence sequence: Int64, limit: Int
    ) throws(QueueError) -> [FailedJob] {
        let values: [PostgresValue] = [.integer(sequence), .integer(limit), .textOrNull(code)]
        return try ask(PostgresStatements.failedJobs, values, doing: "reading failures").map {
            FailedJob(
                sequence: $0.integer(0), id: $0.text(1), failure: JobFailure(code: $0.text(2), message: $0.text(3)),
                attempts: Int($0.integer(4)))
        }
    }

    /// Implements ``JobQueue/audit``.
    ///
    /// - Throws: ``QueueError``.
    package func audit(after number: Int64, limit: Int) throws(QueueError) -> [AuditEntry] {
        let doing = "reading the audit"
        let rows = try session.run(doing: doing) { connection, _ throws(PostgresError) in
            let last = try settledNumber(in: connection, doing: doing)
            return try connection.run(
                PostgresStatements.audit, [.integer(number), .integer(limit), .integer(last)], doing: doing)
        }
        return rows.map {
            AuditEntry(
                number: $0.integer(0), sequence: $0.integer(1), id: $0.text(2),
                state: JobState(rawValue: Int($0.integer(3))) ?? .done, token: $0.integerOrNil(4),
                owner: $0.textOrNil(5), attempt: Int($0.integer(6)))
        }
    }

    /// Implements ``JobQueue/retry``.
    ///
    /// - Throws: ``QueueError``.
    package func retry(_ selection: JobSelection) throws(QueueError) -> Int {
        let doing = "retrying jobs"
        switch selection {
        case .all: return try askInBatches(PostgresStatements.retryAll, [], doing: doing)
        case .code(JobFailure.cancelled): return try askInBatches(PostgresStatements.retryCancelled, [], doing: doing)
        case .code(let code): return try askInBatches(PostgresStatements.retryByCode, [.text(code)], doing: doing)
        case .ids(let ids):
            var sum = 0
            for id in ids { sum += try askInBatches(PostgresStatements.retryByID, [.text(id)], doing: doing) }
            return sum
        }
    }

    /// Implements ``JobQueue/picturesOfFailed``.
    ///
    /// - Throws: ``QueueError``.
    package func picturesOfFailed(
        code: String, afterSequence sequence: Int64, limit: Int
    ) throws(QueueError) -> [FailedPictures] {
        let values: [PostgresValue] = [.text(code), .integer(sequence), .integer(limit)]
        return try ask(PostgresStatements.failedPictures, values, doing: "reading failures").map {
            row throws(QueueError) in
            FailedPictures(
                sequence: row.integer(0), id: row.text(1), images: try ImageColumn.decode(row.text(2), queue: name))
        }
    }

    /// Implements ``JobQueue/replacePictures``.
    ///
    /// - Throws: ``QueueError``.
    package func replacePictures(_ jobs: [FailedPictures]) throws(QueueError) {
        try ask(
            PostgresStatements.replacePictures,
            [
                .integers(jobs.map(\.sequence)), .texts(jobs.map { ImageColumn.encode($0.images) }),
                .integers(jobs.map { ImageColumn.group(of: $0.images) }),
            ], doing: "noting pictures as they are now")
    }

    /// Implements ``JobQueue/cancel``.
    ///
    /// - Throws: ``QueueError``.
    package func cancel(_ selection: JobSelection) throws(QueueError) -> Int {
        let doing = "canceling jobs"
        let reason: [PostgresValue] = [.text(JobFailure.cancellation.code), .text(JobFailure.cancellation.message)]
        var sum = 0
        switch selection {
        case .all:
            for sql in [
                PostgresStatements.cancelReady, PostgresStatements.cancelRetry, PostgresStatements.cancelLeased,
            ] { sum += try askInBatches(sql, reason, doing: doing) }
        case .code(let code):
            sum = try askInBatches(PostgresStatements.cancelByCode, reason + [.text(code)], doing: doing)
        case .ids(let ids):
            for id in ids {
                sum += try askInBatches(PostgresStatements.cancelByID, reason + [.text(id)], doing: doing)
            }
        }
        return sum
    }

    /// Implements ``JobQueue/purge``.
    ///
    /// - Throws: ``QueueError``.
    package func purge(olderThan age: Duration) throws(QueueError) -> Int {
        try askInBatches(PostgresStatements.purge, [age.microseconds], doing: "removing finished jobs")
    }

    /// Implements ``JobQueue/purgeServed``.
    ///
    /// - Throws: ``QueueError``.
    package func purgeServed(olderThan age: Duration) throws(QueueError) -> Int {
        try askInBatches(PostgresStatements.purgeServed, [age.microseconds], doing: "removing served jobs")
    }

    /// Implements ``JobQueue/compact``.
    ///
    /// - Throws: ``QueueError``.
    package func compact() throws(QueueError) {
        let doing = "giving back its room"
        try session.run(doing: doing) { connection, _ throws(PostgresError) in
            try connection.execute(PostgresStatements.compact, doing: doing)
        }
    }
}
