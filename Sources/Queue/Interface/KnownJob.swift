import Base

/// The contents of a job that is in a queue, to be compared with one that has its id.
struct KnownJob {
    var sequence: Int64
    /// The pictures as their column holds them.
    var images: String
    var prompt: String
    var maxTokens: Int
    var options: String
    var carried: String?

    /// Returns how another job with its id differs, for a person; nil where it is the same.
    ///
    /// - Throws: `corrupt` where the pictures cannot be read.
    func difference(to job: Job, images new: String, queue: String) throws(QueueError) -> String? {
        if !images.isExactly(new) {
            let known = try ImageColumn.decode(images, queue: queue)
            guard ImageColumn.isSame(known, images, as: job.images) else {
                return ImageColumn.difference(from: known, to: job.images)
            }
        }
        if !prompt.isExactly(job.prompt) { return "its prompt is \"\(prompt)\"" }
        if maxTokens != job.maxTokens { return "its max_tokens is \(maxTokens)" }
        if !options.isExactly(job.options) { return "its options are \(options)" }
        if carried.map(ExactText.init) != job.carried.map(ExactText.init) {
            return "the columns to carry through are \(carried ?? "none")"
        }
        return nil
    }
}
