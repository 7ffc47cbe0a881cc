/// One picture of a job, or a video: where it lies, and what it was when the job was submitted.
package struct JobImage: Sendable, Equatable {
    /// As the person wrote it; so it stands in the results.
    package var name: String
    /// Absolute, so that a worker finds it from any directory.
    package var path: String
    /// Bytes; nil where there was no file to look at.
    package var size: Int64?
    /// Time of the last change, nanoseconds since 1970; nil where there was no file.
    package var modified: Int64?
    /// The file itself, where it travels in the queue; nil where it is read at its path. Not part of the contents.
    package var bytes: [UInt8]?
    /// How many frames are taken out of it, where it is a video; nil for a picture.
    package var frames: Int?
    /// What it is to the model.
    package var pictures: Int { frames ?? 1 }

    package init(
        name: String, path: String, size: Int64? = nil, modified: Int64? = nil, bytes: [UInt8]? = nil,
        frames: Int? = nil
    ) {
        self.frames = frames
        self.name = name
        self.path = path
        self.size = size
        self.modified = modified
        self.bytes = bytes
    }
}

/// One question about one or several pictures.
package struct Job: Sendable, Equatable {
    /// Unique in a queue. The same id with the same contents is the same job.
    package var id: String
    /// In the order in which they enter the prompt.
    package var images: [JobImage]
    package var prompt: String
    package var maxTokens: Int
    /// Higher goes first; jobs of the same priority go in the order of submission. Not part of the contents.
    package var priority: Int
    /// How the answer is made, as a JSON object (``DecodingOptions``).
    package var options: String
    /// Where the job was read, for messages ("jobs.jsonl line 17"). Not kept.
    package var source: String?
    /// Why the job can never be answered, known before it enters the queue: it enters as failed.
    package var fault: JobFailure?

    package init(
        id: String, images: [JobImage], prompt: String, maxTokens: Int = Self.defaultMaxTokens, priority: Int = 0,
        options: String = "{}", source: String? = nil
    ) {
        self.id = id
        self.images = images
        self.prompt = prompt
        self.maxTokens = maxTokens
        self.priority = priority
        self.options = options
        self.source = source
    }

    /// Pictures that the model sees: those of the job, and the frames of its videos.
    package var pictureCount: Int { images.reduce(0) { $0 + $1.pictures } }

    /// Room for a caption or a short text.
    package static let defaultMaxTokens = 128
}

/// The life of a job:
///
///     ready -> leased -> done
///       ^        |-----> failed       a permanent fault, or the last attempt
///       |        |-----> retry        a passing fault: back to ready when its time has come
///       |--------|                    released, or the lease ran out
///     any of ready, leased, retry -> cancelled
///
/// The raw values stand in queue files and never change their meaning.
package enum JobState: Int, Sendable, CaseIterable {
    case ready = 0
    case leased = 1
    case retry = 2
    case done = 3
    case failed = 4
    case cancelled = 5
}

/// How many jobs are in each state.
package struct JobCounts: Sendable, Equatable {
    package var ready = 0
    package var leased = 0
    package var retry = 0
    package var done = 0
    package var failed = 0
    package var cancelled = 0

    package init() {}

    package subscript(state: JobState) -> Int {
        get {
            switch state {
            case .ready: ready
            case .leased: leased
            case .retry: retry
            case .done: done
            case .failed: failed
            case .cancelled: cancelled
            }
        }
        set {
            switch state {
            case .ready: ready = newValue
            case .leased: leased = newValue
            case .retry: retry = newValue
            case .done: done = newValue
            case .failed: failed = newValue
            case .cancelled: cancelled = newValue
            }
        }
    }

    package var total: Int { outstanding + finished }
    /// Jobs that will still become something else.
    package var outstanding: Int { ready + leased + retry }
    /// Jobs that have a line in the results.
    package var finished: Int { done + failed + cancelled }
}

/// The right to answer one job until a deadline.
package struct Lease: Sendable, Equatable {
    /// What the queue has to be shown to take an answer.
    package struct Ticket: Sendable, Hashable {
        /// The job's place in the order of submission.
        package var sequence: Int64
        /// Greater than that of every earlier lease of this queue (a fencing token).
        package var token: Int64
        package var jobID: String
    }

    package var ticket: Ticket
    package var job: Job
    /// 1 for the first.
    package var attempt: Int
    /// A world died or fell silent with this job. The queue gives it to a world that has nothing else, and gives that
    /// world nothing more while it has it: should this world die too, the job was alone.
    package var isSuspect: Bool

    package init(ticket: Ticket, job: Job, attempt: Int, isSuspect: Bool = false) {
        self.ticket = ticket
        self.job = job
        self.attempt = attempt
        self.isSuspect = isSuspect
    }
}

/// Why a sequence ended, as the results say it.
package enum FinishReason: String, Sendable {
    /// The model said that it ends, or one of the job's `stop` texts came.
    case stop
    case length
    case repetition
}

/// What a model said.
package struct Answer: Sendable, Equatable {
    package var text: String
    /// Without the end-of-sequence token.
    package var tokens: [Int32]
    /// Natural logarithms, one a token.
    package var logprobs: [Float]
    package var finishReason: FinishReason
    /// From the lease to the last token.
    package var seconds: Double
    /// What else the results say of it, as a JSON object (``AnswerDetails``); nil for nothing.
    package var details: String?

    package init(
        text: String, tokens: [Int32], logprobs: [Float], finishReason: FinishReason, seconds: Double,
        details: String? = nil
    ) {
        self.details = details
        self.text = text
        self.tokens = tokens
        self.logprobs = logprobs
        self.finishReason = finishReason
        self.seconds = seconds
    }
}

/// Why a job has no answer.
package struct JobFailure: Error, Sendable, Equatable {
    /// A short name that programs may test: "file_missing", "not_a_picture", …
    package var code: String
    /// For a person: what was done, on what, what to do.
    package var message: String

    /// The code of a job that was described wrongly.
    package static let invalidJob = "invalid_job"
    /// The code of a job that killed the worlds that had it alone.
    package static let poison = "poison"
    /// The code of a job whose leases ran out, and nobody could say why.
    package static let leaseExpired = "lease_expired"
    /// The code of a job that a person took back.
    package static let cancelled = "cancelled"

    /// What stands in the results of a job that a person took back.
    package static let takenBack = JobFailure(
        code: cancelled, message: "cancelled before it was answered; `paligemma retry --code cancelled` queues it anew")

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}

/// One line of the results.
package struct JobResult: Sendable, Equatable {
    /// The number of the line in the order of completion; grows, with gaps where jobs were queued anew.
    package var number: Int64
    /// The job's place in the order of submission.
    package var sequence: Int64
    package var id: String
    /// The pictures as the person named them.
    package var images: [String]
    package var prompt: String
    /// The model's name; nil where no world ever had the queue.
    package var model: String?
    package var outcome: Outcome

    package enum Outcome: Sendable, Equatable {
        case answered(Answer)
        case failed(JobFailure, seconds: Double)
    }

    package init(
        number: Int64, sequence: Int64, id: String, images: [String], prompt: String, model: String?, outcome: Outcome
    ) {
        self.number = number
        self.sequence = sequence
        self.id = id
        self.images = images
        self.prompt = prompt
        self.model = model
        self.outcome = outcome
    }
}
