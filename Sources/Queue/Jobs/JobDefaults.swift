import Base

/// The defaults of jobs.
package struct JobDefaults: Sendable {
    /// Nil where every job must have its own.
    package var prompt: String?
    package var maxTokens: Int
    package var priority: Int
    /// The number of frames that are taken from a video; nil where videos are not accepted.
    package var frames: Int?
    /// The decoding options of jobs that do not give them, key by key.
    package var options: [JSON.Member]

    package init(
        prompt: String? = nil, maxTokens: Int = Job.defaultMaxTokens, priority: Int = 0, frames: Int? = nil,
        options: [JSON.Member] = []
    ) {
        self.frames = frames
        self.prompt = prompt
        self.maxTokens = maxTokens
        self.priority = priority
        self.options = options
    }
}
