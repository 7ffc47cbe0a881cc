extension PostgresQueue {
    /// Implements ``JobQueue/finish``.
    ///
    /// - Throws: ``QueueError``.
    package func finish(_ handle: LeaseHandle, with answer: Answer) throws(QueueError) {
        let doing = "finishing a job"
        let values: [PostgresValue] = [
            .integer(handle.sequence), .integer(handle.token), .text(answer.text),
            .bytes(AnswerColumns.bytes(ofTokens: answer.tokens)),
            .bytes(AnswerColumns.bytes(ofLogprobs: answer.logprobs)), .text(answer.finishReason.rawValue),
            .real(answer.seconds), .textOrNull(answer.details),
        ]
        let accepted = try session.run(doing: doing) { connection, mayHaveHappened throws(PostgresError) in
            if try connection.run(PostgresStatements.finish, values, doing: doing).count > 0 { return true }
            guard mayHaveHappened else { return false }
            return try end(of: handle, in: connection) == .done
        }
        guard accepted else { throw .staleLease(jobID: handle.jobID) }
    }

    /// Implements ``JobQueue/fail``.
    ///
    /// - Throws: ``QueueError``.
    @discardableResult
    package func fail(
        _ handle: LeaseHandle, with failure: JobFailure, permanent: Bool, seconds: Double
    ) throws(QueueError) -> JobState {
        let doing = "failing a job"
        let pauses = (1...max(1, retryPolicy.maximumAttempts)).map {
            retryPolicy.pause(afterAttempt: $0).nanoseconds / 1000
        }
        let values: [PostgresValue] = [
            .integer(handle.sequence), .integer(handle.token), .flag(permanent), .integer(retryPolicy.maximumAttempts),
            .integers(pauses), .text(failure.code), .text(failure.message), .real(seconds),
        ]
        let state = try session.run(doing: doing) { connection, mayHaveHappened throws(PostgresError) -> JobState? in
            if let row = try connection.run(PostgresStatements.fail, values, doing: doing).first {
                return JobState(rawValue: Int(row.integer(0)))
            }
            return mayHaveHappened ? try end(of: handle, in: connection) : nil
        }
        guard let state, state == .failed || state == .retry else { throw .staleLease(jobID: handle.jobID) }
        return state
    }

    /// Returns the state after a lease whose reply was lost with the connection: that of its audit entry, or `retry`
    /// where the job waits for another attempt. Nil where the lease ended in another way.
    private func end(of handle: LeaseHandle, in connection: PostgresConnection) throws(PostgresError) -> JobState? {
        let rows = try connection.run(
            PostgresStatements.endOfLease, [.integer(handle.sequence), .integer(handle.token)],
            doing: "looking for the end of a lease")
        guard let row = rows.first, let state = JobState(rawValue: Int(row.integerOrNil(0) ?? -1)) else { return nil }
        return row.flag(1) || state == .retry ? state : nil
    }

    /// Implements ``JobQueue/results``.
    ///
    /// - Throws: ``QueueError``.
    package func results(after number: Int64, limit: Int) throws(QueueError) -> [JobResult] {
        let doing = "reading results"
        let rows = try session.run(doing: doing) { connection, _ throws(PostgresError) in
            let last = try settledNumber(in: connection, doing: doing)
            return try connection.run(
                PostgresStatements.results, [.integer(number), .integer(limit), .integer(last)], doing: doing)
        }
        return try rows.map(result(from:))
    }

    /// Implements ``JobQueue/sortedResults``.
    ///
    /// - Throws: ``QueueError``.
    package func sortedResults(afterSequence sequence: Int64, limit: Int) throws(QueueError) -> [JobResult] {
        let values: [PostgresValue] = [.integer(sequence), .integer(limit)]
        return try ask(PostgresStatements.sortedResults, values, doing: "reading results").map(result(from:))
    }

    /// Implements ``JobQueue/results(ofJobs:)``.
    ///
    /// - Throws: ``QueueError``.
    package func results(ofJobs ids: [String]) throws(QueueError) -> [JobResult] {
        guard !ids.isEmpty else { return [] }
        return try ask(PostgresStatements.resultsOfJobs, [.texts(ids)], doing: "reading results").map(result(from:))
    }

    /// Implements ``JobQueue/latestResults``.
    ///
    /// - Throws: ``QueueError``.
    package func latestResults(limit: Int) throws(QueueError) -> [JobResult] {
        try ask(PostgresStatements.latestResults, [.integer(limit)], doing: "reading results").map(result(from:))
    }

    /// Implements ``JobQueue/image``.
    ///
    /// - Throws: ``QueueError``.
    package func image(_ position: Int, ofJob id: String) throws(QueueError) -> JobImage? {
        let row = try ask(PostgresStatements.image, [.text(id), .integer(position)], doing: "reading a picture").first
        guard let row else { return nil }
        let images = try ImageColumn.decode(row.text(0), queue: name)
        guard images.indices.contains(position) else { return nil }
        var image = images[position]
        if row.flag(1) { image.bytes = row.bytes(2) }
        return image
    }

    /// Implements ``JobQueue/state(ofJob:)``.
    ///
    /// - Throws: ``QueueError``.
    package func state(ofJob id: String) throws(QueueError) -> JobState? {
        let row = try ask(PostgresStatements.state, [.text(id)], doing: "looking for a job").first
        return row.flatMap { JobState(rawValue: Int($0.integer(0))) }
    }

    /// A number up to which every result is to be seen, or will never be. Results that are being written right now
    /// come with the next call.
    func settledNumber(in connection: PostgresConnection, doing: String) throws(PostgresError) -> Int64 {
        let last = try connection.run(PostgresStatements.lastNumber, doing: doing).first?.integer(0) ?? 0
        try connection.run(PostgresStatements.awaitNumbering, doing: doing)
        return last
    }

    private func result(from row: PostgresRows.Row) throws(QueueError) -> JobResult {
        JobResult(
            number: row.integer(0), sequence: row.integer(1), id: row.text(2),
            pictures: try ImageColumn.decode(row.text(3), queue: name), prompt: row.text(4),
            carried: row.textOrNil(14), model: row.textOrNil(5), outcome: Self.outcome(of: row))
    }

    private static func outcome(of row: PostgresRows.Row) -> JobResult.Outcome {
        if let code = row.textOrNil(11) {
            return .failed(JobFailure(code: code, message: row.text(12)), seconds: row.real(10))
        }
        return .answered(
            Answer(
                text: row.text(6), tokens: AnswerColumns.tokens(row.bytes(7)),
                logprobs: AnswerColumns.logprobs(row.bytes(8)),
                finishReason: FinishReason(rawValue: row.text(9)) ?? .stop, seconds: row.real(10),
                details: row.textOrNil(13)))
    }
}
