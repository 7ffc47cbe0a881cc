/// What a submission did.
package struct SubmitSummary: Sendable, Equatable {
    /// Jobs that were not in the queue.
    package var added = 0
    /// Jobs that were in the queue already, with the same contents.
    package var known = 0
    /// Jobs that were in the queue with other contents and are queued anew.
    package var replaced = 0

    package init() {}
}

/// What to do with an id that is in the queue with other contents.
package enum OtherContents: Sendable {
    case refuse
    case replace
}

/// Which jobs a person means.
package enum JobSelection: Sendable, Equatable {
    case all
    case ids([String])
    /// Those that ended with this code.
    case code(String)
}

/// What the death of a world did to the jobs that it had.
package struct DeathRecord: Sendable, Equatable {
    /// Jobs that were leased; each is tried again, alone.
    package var takenBack = 0
    /// Jobs that failed with it, as poison: they had the world to themselves, and it was not the first to die.
    package var poisoned: [String] = []
    /// It had nothing but one suspect job.
    package var wasAlone = false

    package init() {}
}

/// A world and what it has.
package struct LeaseHolder: Sendable, Equatable {
    package var owner: String
    package var jobs: Int
    /// One of them is suspect, and then it is the only one.
    package var hasSuspect: Bool

    package init(owner: String, jobs: Int, hasSuspect: Bool) {
        self.owner = owner
        self.jobs = jobs
        self.hasSuspect = hasSuspect
    }
}

/// Failed jobs that have their code in common.
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

/// A job without an answer.
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

/// One end of a job that the queue accepted. Entries are only ever added; no token stands in two of them.
package struct AuditEntry: Sendable, Equatable {
    /// Grows; not without gaps.
    package var number: Int64
    package var sequence: Int64
    package var id: String
    /// `done`, `failed` or `cancelled`.
    package var state: JobState
    /// That of the lease; nil where the job had none.
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
