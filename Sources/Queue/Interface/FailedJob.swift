/// A job that failed.
package struct FailedJob: Sendable, Equatable {
    package var sequence: Int64
    package var id: String
    package var failure: JobFailure
    package var attempts: Int

    package init(sequence: Int64, id: String, failure: JobFailure, attempts: Int) {
        self.sequence = sequence
        self.id = id
        self.failure = failure
        self.attempts = attempts
    }
}

/// Failed jobs with the same code.
package struct FailureGroup: Sendable, Equatable {
    package var code: String
    package var jobs: Int
    /// The message of one of them.
    package var example: String

    package init(code: String, jobs: Int, example: String) {
        self.code = code
        self.jobs = jobs
        self.example = example
    }
}

/// The pictures of a job that failed.
package struct FailedPictures: Sendable, Equatable {
    package var sequence: Int64
    package var id: String
    package var images: [JobImage]

    package init(sequence: Int64, id: String, images: [JobImage]) {
        self.sequence = sequence
        self.id = id
        self.images = images
    }
}
