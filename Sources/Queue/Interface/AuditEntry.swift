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
