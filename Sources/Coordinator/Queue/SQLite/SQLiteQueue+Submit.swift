extension SQLiteQueue {
    package func submit(_ jobs: [Job], otherContents: OtherContents) throws(QueueError) -> SubmitSummary {
        let now = clock.wallNanoseconds()
        return try write(doing: "submitting jobs") { connection throws(QueueError) in
            var summary = SubmitSummary()
            for job in jobs {
                let images = ImageColumn.encode(job.images)
                if try insert(job, images: images, now: now, into: connection) {
                    summary.added += 1
                } else if let difference = try difference(of: job, images: images, in: connection) {
                    guard otherContents == .replace else {
                        throw .otherContents(jobID: job.id, source: job.source, difference: difference)
                    }
                    try replace(job, images: images, now: now, in: connection)
                    summary.replaced += 1
                } else {
                    summary.known += 1
                }
            }
            return summary
        }
    }

    /// False where the id is taken.
    private func insert(
        _ job: Job, images: String, now: Int64, into connection: Connection
    ) throws(QueueError) -> Bool {
        try connection.run(
            """
            INSERT INTO jobs (id, images, prompt, max_tokens, priority, options, submitted_at)
            VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
            """,
            [
                .text(job.id), .text(images), .text(job.prompt), .integer(job.maxTokens), .integer(job.priority),
                .text(job.options), .integer(now),
            ], doing: "submitting jobs")
        guard connection.changes > 0 else { return false }
        if let fault = job.fault {
            try end(connection.lastInsertedRow, as: .failed, .failed(fault, seconds: 0), in: connection)
        }
        return true
    }

    package func forgetInvalidJobs() throws(QueueError) {
        let doing = "forgetting jobs that were described wrongly"
        let which = "SELECT sequence FROM jobs WHERE state = 4 AND error_code = ?"
        try write(doing: doing) { connection throws(QueueError) in
            let code = [Statement.Value.text(JobFailure.invalidJob)]
            try connection.run("DELETE FROM results WHERE sequence IN (\(which))", code, doing: doing)
            try connection.run("DELETE FROM jobs WHERE state = 4 AND error_code = ?", code, doing: doing)
        }
    }

    /// In what a job differs from the one that has its id; nil where they are the same.
    private func difference(
        of job: Job, images: String, in connection: Connection
    ) throws(QueueError) -> String? {
        let doing = "comparing jobs"
        let rows = try connection.rows(
            "SELECT images, prompt, max_tokens, options FROM jobs WHERE id = ?", [.text(job.id)], doing: doing
        ) { row throws(QueueError) -> String? in
            if row.text(0) != images {
                return ImageColumn.difference(from: try ImageColumn.decode(row.text(0), queue: name), to: job.images)
            }
            if row.text(1) != job.prompt { return "its prompt is \"\(row.text(1))\"" }
            if row.integer(2) != Int64(job.maxTokens) { return "its max_tokens is \(row.integer(2))" }
            if row.text(3) != job.options { return "its options are \(row.text(3))" }
            return nil
        }
        return rows.first ?? nil
    }

    /// The job keeps its place in the order of submission. Whoever has a lease on it will find it stale.
    private func replace(_ job: Job, images: String, now: Int64, in connection: Connection) throws(QueueError) {
        let doing = "replacing a job"
        for table in ["results", "embedded"] {
            try connection.run(
                "DELETE FROM \(table) WHERE sequence = (SELECT sequence FROM jobs WHERE id = ?)", [.text(job.id)],
                doing: doing)
        }
        try connection.run(
            """
            UPDATE jobs SET images = ?, prompt = ?, max_tokens = ?, priority = ?, options = ?, submitted_at = ?,
                state = ?, attempts = 0, crashes = 0, lease_token = NULL, lease_owner = NULL, lease_deadline = NULL,
                not_before = NULL, boot = NULL, error_code = NULL, error_message = NULL
            WHERE id = ?
            """,
            [
                .text(images), .text(job.prompt), .integer(job.maxTokens), .integer(job.priority), .text(job.options),
                .integer(now), .state(.ready), .text(job.id),
            ], doing: doing)
        guard let fault = job.fault else { return }
        let sequences = try connection.rows(
            "SELECT sequence FROM jobs WHERE id = ?", [.text(job.id)], doing: doing
        ) { $0.integer(0) }
        for sequence in sequences {
            try end(sequence, as: .failed, .failed(fault, seconds: 0), in: connection)
        }
    }
}

/// Pictures of a job as the text of one column: `[[name, path, size, modified], …]`, with null for a path that equals
/// the name and for what is not known.
enum ImageColumn {
    static func encode(_ images: [JobImage]) -> String {
        var writer = JSONWriter()
        writer.array(images) { writer, image in
            writer.raw("[")
            writer.string(image.name)
            writer.raw(",")
            if image.path == image.name { writer.raw("null") } else { writer.string(image.path) }
            writer.raw(",")
            if let size = image.size { writer.integer(size) } else { writer.raw("null") }
            writer.raw(",")
            if let modified = image.modified { writer.integer(modified) } else { writer.raw("null") }
            writer.raw("]")
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    static func decode(_ text: String, queue: String) throws(QueueError) -> [JobImage] {
        guard let rows = (try? JSON(parsing: text))?.array else {
            throw .corrupt(queue: queue, detail: "the pictures of a job cannot be read")
        }
        var images: [JobImage] = []
        for row in rows {
            guard let fields = row.array, fields.count == 4, let name = fields[0].string else {
                throw .corrupt(queue: queue, detail: "the pictures of a job cannot be read")
            }
            images.append(
                JobImage(
                    name: name, path: fields[1].string ?? name, size: fields[2].integer.map(Int64.init),
                    modified: fields[3].integer.map(Int64.init)))
        }
        return images
    }

    /// For a person: how two lists of pictures differ.
    static func difference(from old: [JobImage], to new: [JobImage]) -> String {
        guard old.map(\.path) == new.map(\.path) else {
            return "its pictures are \(old.map(\.path).joined(separator: ", "))"
        }
        for (before, after) in zip(old, new) where before != after {
            return "the picture \(after.path) has changed since it was submitted"
        }
        return "its pictures were named otherwise"
    }
}
