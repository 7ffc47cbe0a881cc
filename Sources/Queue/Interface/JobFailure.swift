/// The reason why a job has no answer.
package struct JobFailure: Error, Sendable, Equatable {
    /// A short name that programs may test: "file_missing", "not_a_picture", …
    package var code: String
    /// For a person: what failed, on what, why, and what to do.
    package var message: String

    /// The code of a job whose description is not valid.
    package static let invalidJob = "invalid_job"
    /// The code of a job that killed the worlds that had it alone.
    package static let poison = "poison"
    /// The code of a job whose leases expired without a known cause.
    package static let leaseExpired = "lease_expired"
    /// The code of a job that a person canceled.
    package static let cancelled = "cancelled"

    /// The failure of a job that a person canceled.
    package static let cancellation = JobFailure(
        code: cancelled, message: "canceled before it was answered; `paligemma retry --code cancelled` queues it again")

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}
