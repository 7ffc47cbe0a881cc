import Base

extension PostgresQueue {
    /// Implements ``JobQueue/submit``.
    ///
    /// - Throws: ``QueueError``.
    package func submit(
        _ jobs: [Job], otherContents: OtherContents, maxReady: Int?
    ) throws(QueueError) -> SubmitSummary {
        let doing = "submitting jobs"
        guard !jobs.isEmpty else { return SubmitSummary() }
        return try session.run(doing: doing) { connection, _ throws(PostgresError) in
            try connection.transaction(doing: doing) { () throws(PostgresError) in
                // Who bounds a submission does so alone, so that two do not pass the bound together.
                if maxReady != nil { try connection.run(PostgresStatements.lockSubmit, doing: doing) }
                // Results are written by what comes after the counters; see PostgresSchema.
                if jobs.contains(where: { $0.fault != nil }) {
                    try connection.run(PostgresStatements.shareNumbering, doing: doing)
                }
                let summary = try insert(jobs, otherContents, into: connection)
                try check(maxReady, adding: summary, in: connection)
                return summary
            }
        }
    }

    private func insert(
        _ jobs: [Job], _ otherContents: OtherContents, into connection: PostgresConnection
    ) throws(PostgresError) -> SubmitSummary {
        let images = jobs.map { ImageColumn.encode($0.images) }
        let rows = try connection.run(
            PostgresStatements.insert,
            [
                .texts(jobs.map(\.id)), .texts(images), .texts(jobs.map(\.prompt)),
                .integers(jobs.map { Int64($0.maxTokens) }), .integers(jobs.map { Int64($0.priority) }),
                .texts(jobs.map(\.options)), .integers(jobs.map { ImageColumn.group(of: $0.images) }),
                .texts(jobs.map { $0.carried ?? "" }), .texts(jobs.map { $0.service ?? "" }),
            ], doing: "submitting jobs")
        var summary = SubmitSummary()
        summary.added = rows.count
        // The first of several jobs with one id is the one that was added.
        var added = Dictionary(rows.map { (ExactText($0.text(1)), $0.integer(0)) }) { first, _ in first }
        var others: [(job: Job, images: String)] = []
        for (job, images) in zip(jobs, images) {
            if let sequence = added.removeValue(forKey: ExactText(job.id)) {
                try insertParts(of: job, sequence: sequence, into: connection)
            } else {
                others.append((job, images))
            }
        }
        guard !others.isEmpty else { return summary }
        try compare(others, otherContents, &summary, in: connection)
        return summary
    }

    /// Compares jobs whose ids are taken: they are the same, refused, or queued again.
    private func compare(
        _ others: [(job: Job, images: String)], _ otherContents: OtherContents, _ summary: inout SubmitSummary,
        in connection: PostgresConnection
    ) throws(PostgresError) {
        var known = try knownJobs(others.map(\.job.id), in: connection)
        for (job, images) in others {
            guard let old = known[ExactText(job.id)] else {
                // Removed by another between the two statements: the same submission again finds it gone.
                throw .conflict
            }
            let difference = try Self.final { () throws(QueueError) in
                try old.difference(to: job, images: images, queue: name)
            }
            guard let difference else {
                summary.known += 1
                continue
            }
            guard otherContents == .replace else {
                throw .final(
                    .otherContents(jobID: job.id, source: job.source, difference: difference, idAdvice: job.idAdvice))
            }
            try connection.run(
                PostgresStatements.replace,
                [
                    .integer(old.sequence), .text(images), .text(job.prompt), .integer(job.maxTokens),
                    .integer(job.priority), .text(job.options), .integer(ImageColumn.group(of: job.images)),
                    .textOrNull(job.carried),
                ], doing: "replacing a job")
            try insertParts(of: job, sequence: old.sequence, into: connection)
            summary.replaced += 1
            known[ExactText(job.id)] = KnownJob(
                sequence: old.sequence, images: images, prompt: job.prompt, maxTokens: job.maxTokens,
                options: job.options, carried: job.carried)
        }
    }

    private func knownJobs(
        _ ids: [String], in connection: PostgresConnection
    ) throws(PostgresError) -> [ExactText: KnownJob] {
        let rows = try connection.run(PostgresStatements.known, [.texts(ids)], doing: "comparing jobs")
        let pairs = rows.map { row in
            (
                ExactText(row.text(1)),
                KnownJob(
                    sequence: row.integer(0), images: row.text(2), prompt: row.text(3), maxTokens: Int(row.integer(4)),
                    options: row.text(5), carried: row.textOrNil(6))
            )
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// Adds what a new job has outside its row: pictures stored in the queue, and the result of a job that is not
    /// valid.
    private func insertParts(
        of job: Job, sequence: Int64, into connection: PostgresConnection
    ) throws(PostgresError) {
        for (position, image) in job.images.enumerated() {
            guard let bytes = image.bytes else { continue }
            try connection.run(
                PostgresStatements.embed, [.integer(sequence), .integer(position), .bytes(bytes)],
                doing: "submitting pictures")
        }
        if let fault = job.fault {
            try connection.run(
                PostgresStatements.end, [.integer(sequence), .text(fault.code), .text(fault.message)],
                doing: "writing a result")
        }
    }

    private func check(
        _ maxReady: Int?, adding summary: SubmitSummary, in connection: PostgresConnection
    ) throws(PostgresError) {
        let adding = summary.added + summary.replaced
        guard let maxReady, adding > 0 else { return }
        let ready = Int(try connection.run(PostgresStatements.counts, doing: "counting").first?.integer(0) ?? 0)
        guard ready <= maxReady else {
            throw .final(.full(queue: name, ready: max(0, ready - adding), adding: adding, bound: maxReady))
        }
    }

    /// Implements ``JobQueue/forgetInvalidJobs``.
    ///
    /// - Throws: ``QueueError``.
    package func forgetInvalidJobs() throws(QueueError) {
        try ask(
            PostgresStatements.forgetInvalid, [.text(JobFailure.invalidJob)],
            doing: "forgetting jobs that were described wrongly")
    }

    private static func final<Result>(
        _ body: () throws(QueueError) -> Result
    ) throws(PostgresError) -> Result {
        do { return try body() } catch { throw .final(error) }
    }
}
