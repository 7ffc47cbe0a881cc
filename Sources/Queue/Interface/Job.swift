/// One question about one or several pictures.
package struct Job: Sendable, Equatable {
    /// Unique in a queue. The same id with the same contents is the same job.
    package var id: String
    /// In the order in which they enter the prompt.
    package var images: [JobImage]
    package var prompt: String
    package var maxTokens: Int
    /// Jobs of higher priority are leased first; those of the same priority in the order of submission. It is not part
    /// of the contents.
    package var priority: Int
    /// How the answer is made, as a JSON object (``DecodingOptions``).
    package var options: String
    /// What the person's own columns say, as a JSON object, which the results repeat; nil for none.
    package var carried: String?
    /// The service that waits for the answer, and is told of it while it grows (``QueueMessage``); nil for offline work. It is
    /// not part of the contents. Such a job has no line in the results of the queue.
    package var service: String?
    /// Where the job was read, for messages ("jobs.jsonl line 17"). It is not stored.
    package var source: String?
    /// How the jobs of its source can have other ids, for the message that its id is another job's too. It is not stored.
    package var idAdvice: String?
    /// Why the job can never be answered, where that is known before it is submitted: it is stored as failed.
    package var fault: JobFailure?

    package init(
        id: String, images: [JobImage], prompt: String, maxTokens: Int = Self.defaultMaxTokens, priority: Int = 0,
        options: String = "{}", carried: String? = nil, source: String? = nil
    ) {
        self.carried = carried
        self.id = id
        self.images = images
        self.prompt = prompt
        self.maxTokens = maxTokens
        self.priority = priority
        self.options = options
        self.source = source
    }

    /// The number of pictures that the model gets: those of the job, and the frames of its videos.
    package var pictureCount: Int { images.reduce(0) { $0 + $1.pictures } }

    /// The largest number of tokens that a job may ask for.
    package static let largestMaxTokens = 1_000_000

    /// Enough for a caption or a short text.
    package static let defaultMaxTokens = 128
}
