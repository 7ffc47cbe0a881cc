/// The effect of a submission.
package struct SubmitSummary: Sendable, Equatable {
    /// Jobs that were not in the queue.
    package var added = 0
    /// Jobs that were in the queue already, with the same contents.
    package var known = 0
    /// Jobs that were in the queue with other contents and are queued again.
    package var replaced = 0

    package init() {}
}

/// What to do with an id that is in the queue with other contents.
package enum OtherContents: Sendable {
    case refuse
    case replace
}

/// The jobs that an operation concerns.
package enum JobSelection: Sendable, Equatable {
    case all
    case ids([String])
    /// Those that ended with this code.
    case code(String)
}

/// The effect of the death of a world on the jobs that it had.
package struct DeathRecord: Sendable, Equatable {
    /// Jobs that were leased; each is tried again, alone.
    package var reclaimed = 0
    /// Jobs that failed with it as poison: each was the only job of several worlds that died.
    package var poisoned: [String] = []
    /// Whether it had one suspect job and no other.
    package var wasAlone = false

    package init() {}
}

/// The leases of a world.
package struct LeaseHolder: Sendable, Equatable {
    package var owner: String
    package var jobs: Int
    /// Whether it has a suspect job, which then is the only one.
    package var hasSuspect: Bool

    package init(owner: String, jobs: Int, hasSuspect: Bool) {
        self.owner = owner
        self.jobs = jobs
        self.hasSuspect = hasSuspect
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

/// An accepted end of a job. Entries are only added, and each token is in at most one.
package struct AuditEntry: Sendable, Equatable {
    /// Grows, with gaps.
    package var number: Int64
    package var sequence: Int64
    package var id: String
    /// `done`, `failed` or `cancelled`.
    package var state: JobState
    /// The token of the lease; nil where the job had none.
    package var token: Int64?
    package var owner: String?
    package var attempt: Int

    package init(
        number: Int64, sequence: Int64, id: String, state: JobState, token: Int64?, owner: String?, attempt: Int
    ) {
        self.number = number
        self.sequence = sequence
        self.id = id
        self.state = state
        self.token = token
        self.owner = owner
        self.attempt = attempt
    }
}
