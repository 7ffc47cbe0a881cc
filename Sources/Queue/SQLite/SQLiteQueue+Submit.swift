extension SQLiteQueue {
    /// Implements ``JobQueue/submit``.
    ///
    /// - Throws: ``QueueError``.
    package func submit(
        _ jobs: [Job], otherContents: OtherContents, maxReady: Int?
    ) throws(QueueError) -> SubmitSummary {
        let now = clock.wallNanoseconds()
        return try write(doing: "submitting jobs") { connection throws(QueueError) in
            var summary = SubmitSummary()
            for job in jobs {
                let images = ImageColumn.encode(job.images)
                if try insert(job, images: images, now: now, into: connection) {
                    summary.added += 1
                } else if let difference = try difference(of: job, images: images, in: connection) {
                    guard otherContents == .replace else {
                        throw .otherContents(
                            jobID: job.id, source: job.source, difference: difference, idAdvice: job.idAdvice)
                    }
                    try replace(job, images: images, now: now, in: connection)
                    summary.replaced += 1
                } else {
                    summary.known += 1
                }
            }
            try check(maxReady, adding: summary, in: connection)
            return summary
        }
    }

    /// - Throws: `full` where this submission adds jobs and passes the bound.
    private func check(_ maxReady: Int?, adding summary: SubmitSummary, in connection: Connection) throws(QueueError) {
        let adding = summary.added + summary.replaced
        guard let maxReady, adding > 0 else { return }
        let ready =
            try connection.rows("SELECT jobs FROM counts WHERE state = 0", doing: "counting") {
                Int($0.integer(0))
            }.first ?? 0
        guard ready <= maxReady else {
            throw .full(queue: name, ready: max(0, ready - adding), adding: adding, bound: maxReady)
        }
    }

    /// Adds a job; returns false where its id is taken.
    private func insert(
        _ job: Job, images: String, now: Int64, into connection: Connection
    ) throws(QueueError) -> Bool {
        try connection.run(
            """
            INSERT INTO jobs (id, images, prompt, max_tokens, priority, options, submitted_at, picture, carried, service)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
            """,
            [
                .text(job.id), .text(images), .text(job.prompt), .integer(job.maxTokens), .integer(job.priority),
                .text(job.options), .integer(now), .integer(ImageColumn.group(of: job.images)),
                .textOrNull(job.carried), .textOrNull(job.service),
            ], doing: "submitting jobs")
        guard connection.changes > 0 else { return false }
        try insertParts(of: job, sequence: connection.lastInsertedRow, into: connection)
        return true
    }

    /// Adds what a new job has outside its row: pictures stored in the queue, and the result of a job that is not
    /// valid.
    private func insertParts(of job: Job, sequence: Int64, into connection: Connection) throws(QueueError) {
        for (position, image) in job.images.enumerated() {
            guard let bytes = image.bytes else { continue }
            try connection.run(
                "INSERT INTO embedded (sequence, position, bytes) VALUES (?, ?, ?)",
                [.integer(sequence), .integer(position), .blob(bytes)], doing: "submitting pictures")
        }
        if let fault = job.fault {
            try end(sequence, as: .failed, .failed(fault, seconds: 0), in: connection)
        }
    }

    /// Implements ``JobQueue/forgetInvalidJobs``.
    ///
    /// - Throws: ``QueueError``.
    package func forgetInvalidJobs() throws(QueueError) {
        let doing = "forgetting jobs that were described wrongly"
        let which = "SELECT sequence FROM jobs WHERE state = 4 AND error_code = ?"
        try write(doing: doing) { connection throws(QueueError) in
            let code = [Statement.Value.text(JobFailure.invalidJob)]
            try connection.run("DELETE FROM results WHERE sequence IN (\(which))", code, doing: doing)
            try connection.run("DELETE FROM jobs WHERE state = 4 AND error_code = ?", code, doing: doing)
        }
    }

    /// Returns how a job differs from the one that has its id; nil where they are the same.
    private func difference(
        of job: Job, images: String, in connection: Connection
    ) throws(QueueError) -> String? {
        let doing = "comparing jobs"
        let known = try connection.rows(
            "SELECT sequence, images, prompt, max_tokens, options, carried FROM jobs WHERE id = ?", [.text(job.id)],
            doing: doing
        ) {
            KnownJob(
                sequence: $0.integer(0), images: $0.text(1), prompt: $0.text(2), maxTokens: Int($0.integer(3)),
                options: $0.text(4), carried: $0.textOrNil(5))
        }
        return try known.first?.difference(to: job, images: images, queue: name)
    }

    /// Replaces a job, which keeps its place in the order of submission. A lease on it becomes stale.
    private func replace(_ job: Job, images: String, now: Int64, in connection: Connection) throws(QueueError) {
        let doing = "replacing a job"
        for table in ["results", "embedded"] {
            try connection.run(
                "DELETE FROM \(table) WHERE sequence = (SELECT sequence FROM jobs WHERE id = ?)", [.text(job.id)],
                doing: doing)
        }
        try connection.run(
            """
            UPDATE jobs SET images = ?, prompt = ?, max_tokens = ?, priority = ?, options = ?, submitted_at = ?, picture = ?,
                carried = ?, state = ?, attempts = 0, crashes = 0, suspect = 0, lease_token = NULL, lease_owner = NULL, lease_deadline = NULL,
                not_before = NULL, boot = NULL, error_code = NULL, error_message = NULL
            WHERE id = ?
            """,
            [
                .text(images), .text(job.prompt), .integer(job.maxTokens), .integer(job.priority), .text(job.options),
                .integer(now), .integer(ImageColumn.group(of: job.images)), .textOrNull(job.carried), .state(.ready),
                .text(job.id),
            ], doing: doing)
        let sequences = try connection.rows(
            "SELECT sequence FROM jobs WHERE id = ?", [.text(job.id)], doing: doing
        ) { $0.integer(0) }
        for sequence in sequences { try insertParts(of: job, sequence: sequence, into: connection) }
    }
}
