extension SQLiteQueue {
    /// Implements ``JobQueue/finish``.
    ///
    /// - Throws: ``QueueError``.
    package func finish(_ handle: LeaseHandle, with answer: Answer) throws(QueueError) {
        try write(doing: "finishing a job") { connection throws(QueueError) in
            _ = try attempts(of: handle, in: connection)
            try end(handle.sequence, as: .done, .answered(answer), in: connection)
        }
    }

    /// Implements ``JobQueue/fail``.
    ///
    /// - Throws: ``QueueError``.
    @discardableResult
    package func fail(
        _ handle: LeaseHandle, with failure: JobFailure, permanent: Bool, seconds: Double
    ) throws(QueueError) -> JobState {
        let doing = "failing a job"
        return try write(doing: doing) { connection throws(QueueError) in
            let attempts = try attempts(of: handle, in: connection)
            if permanent || attempts >= retryPolicy.maximumAttempts {
                try end(handle.sequence, as: .failed, .failed(failure, seconds: seconds), in: connection)
                return .failed
            }
            let pause = retryPolicy.pause(afterAttempt: attempts)
            try connection.run(
                """
                UPDATE jobs SET state = ?, \(Self.noLease), error_code = ?, error_message = ? WHERE sequence = ?
                """,
                [.state(.retry), .text(failure.code), .text(failure.message), .integer(handle.sequence)], doing: doing)
            try connection.run(
                "UPDATE jobs SET not_before = ?, boot = ? WHERE sequence = ?",
                [
                    .integer(clock.bootNanoseconds() + pause.nanoseconds), .text(clock.bootID),
                    .integer(handle.sequence),
                ], doing: doing)
            return .retry
        }
    }

    /// Implements ``JobQueue/results``.
    ///
    /// - Throws: ``QueueError``.
    package func results(after number: Int64, limit: Int) throws(QueueError) -> [JobResult] {
        try results(
            where: "results.number > ? AND service IS NULL ORDER BY results.number LIMIT ?",
            [.integer(number), .integer(limit)])
    }

    /// Implements ``JobQueue/sortedResults``.
    ///
    /// - Throws: ``QueueError``.
    package func sortedResults(afterSequence sequence: Int64, limit: Int) throws(QueueError) -> [JobResult] {
        try results(
            where: "results.sequence > ? AND service IS NULL ORDER BY results.sequence LIMIT ?",
            [.integer(sequence), .integer(limit)])
    }

    /// Implements ``JobQueue/results(ofJobs:)``.
    ///
    /// - Throws: ``QueueError``.
    package func results(ofJobs ids: [String]) throws(QueueError) -> [JobResult] {
        guard !ids.isEmpty else { return [] }
        let marks = Array(repeating: "?", count: ids.count).joined(separator: ", ")
        return try results(where: "jobs.id IN (\(marks))", ids.map { .text($0) })
    }

    /// Implements ``JobQueue/latestResults``.
    ///
    /// - Throws: ``QueueError``.
    package func latestResults(limit: Int) throws(QueueError) -> [JobResult] {
        try results(where: "service IS NULL ORDER BY results.number DESC LIMIT ?", [.integer(limit)])
    }

    /// Implements ``JobQueue/image``.
    ///
    /// - Throws: ``QueueError``.
    package func image(_ position: Int, ofJob id: String) throws(QueueError) -> JobImage? {
        let doing = "reading a picture"
        return try read(doing: doing) { connection throws(QueueError) -> JobImage? in
            let found = try connection.rows(
                "SELECT sequence, images FROM jobs WHERE id = ?", [.text(id)], doing: doing
            ) { row throws(QueueError) in
                (sequence: row.integer(0), images: try ImageColumn.decode(row.text(1), queue: name))
            }.first
            guard let found, found.images.indices.contains(position) else { return nil }
            var image = found.images[position]
            image.bytes = try connection.rows(
                "SELECT bytes FROM embedded WHERE sequence = ? AND position = ?",
                [.integer(found.sequence), .integer(position)], doing: doing
            ) { $0.numbers(0, of: UInt8.self) }.first
            return image
        }
    }

    /// Implements ``JobQueue/state(ofJob:)``.
    ///
    /// - Throws: ``QueueError``.
    package func state(ofJob id: String) throws(QueueError) -> JobState? {
        let doing = "looking for a job"
        return try read(doing: doing) { connection throws(QueueError) in
            try connection.rows("SELECT state FROM jobs WHERE id = ?", [.text(id)], doing: doing) {
                JobState(rawValue: Int($0.integer(0)))
            }.first ?? nil
        }
    }

    /// Writes the result, the audit and the state of a job that ends. It is called inside a transaction that has
    /// checked the right to do so.
    func end(
        _ sequence: Int64, as state: JobState, _ outcome: JobResult.Outcome, in connection: Connection
    ) throws(QueueError) {
        let doing = "writing a result"
        let now = clock.wallNanoseconds()
        try connection.run(
            """
            INSERT INTO audit (sequence, id, state, token, owner, attempt, at)
            SELECT sequence, id, ?, lease_token, lease_owner, attempts, ? FROM jobs WHERE sequence = ?
            """, [.state(state), .integer(now), .integer(sequence)], doing: doing)
        try connection.run(
            """
            INSERT INTO results
                (sequence, text, tokens, logprobs, finish_reason, seconds, error_code, error_message, details,
                    finished_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, [.integer(sequence)] + Self.columns(of: outcome) + [.integer(now)], doing: doing)
        let failure = if case .failed(let failure, _) = outcome { failure } else { nil as JobFailure? }
        try connection.run(
            """
            UPDATE jobs SET state = ?, \(Self.noLease), not_before = NULL, error_code = ?, error_message = ?
            WHERE sequence = ?
            """,
            [.state(state), .textOrNull(failure?.code), .textOrNull(failure?.message), .integer(sequence)],
            doing: doing)
    }

    /// Returns the attempts of a leased job.
    ///
    /// - Throws: `staleLease` where the handle no longer holds.
    private func attempts(of handle: LeaseHandle, in connection: Connection) throws(QueueError) -> Int {
        let attempts = try connection.rows(
            "SELECT attempts FROM jobs WHERE sequence = ? AND lease_token = ?",
            [.integer(handle.sequence), .integer(handle.token)], doing: "checking a lease"
        ) { Int($0.integer(0)) }
        guard let attempts = attempts.first else { throw .staleLease(jobID: handle.jobID) }
        return attempts
    }

    /// text, tokens, logprobs, finish_reason, seconds, error_code, error_message, details
    private static func columns(of outcome: JobResult.Outcome) -> [Statement.Value] {
        switch outcome {
        case .answered(let answer):
            [
                .text(answer.text), .blob(AnswerColumns.bytes(ofTokens: answer.tokens)),
                .blob(AnswerColumns.bytes(ofLogprobs: answer.logprobs)), .text(answer.finishReason.rawValue),
                .real(answer.seconds), .null, .null, .textOrNull(answer.details),
            ]
        case .failed(let failure, let seconds):
            [.null, .null, .null, .null, .real(seconds), .text(failure.code), .text(failure.message), .null]
        }
    }

    private func results(where clause: String, _ values: [Statement.Value]) throws(QueueError) -> [JobResult] {
        let doing = "reading results"
        return try read(doing: doing) { connection throws(QueueError) in
            try connection.rows(
                """
                SELECT results.number, jobs.sequence, jobs.id, jobs.images, jobs.prompt, queue.model,
                    text, tokens, logprobs, finish_reason, seconds, results.error_code, results.error_message, details,
                    carried
                FROM results CROSS JOIN jobs ON jobs.sequence = results.sequence CROSS JOIN queue
                WHERE \(clause)
                """, values, doing: doing
            ) { row throws(QueueError) in
                JobResult(
                    number: row.integer(0), sequence: row.integer(1), id: row.text(2),
                    pictures: try ImageColumn.decode(row.text(3), queue: name), prompt: row.text(4),
                    carried: row.textOrNil(14), model: row.textOrNil(5), outcome: Self.outcome(of: row))
            }
        }
    }

    private static func outcome(of row: Statement) -> JobResult.Outcome {
        if let code = row.textOrNil(11) {
            return .failed(JobFailure(code: code, message: row.text(12)), seconds: row.real(10))
        }
        return .answered(
            Answer(
                text: row.text(6), tokens: AnswerColumns.tokens(row.numbers(7, of: UInt8.self)),
                logprobs: AnswerColumns.logprobs(row.numbers(8, of: UInt8.self)),
                finishReason: FinishReason(rawValue: row.text(9)) ?? .stop, seconds: row.real(10),
                details: row.textOrNil(13)))
    }
}
