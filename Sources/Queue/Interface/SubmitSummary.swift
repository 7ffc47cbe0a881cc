/// The effect of a submission.
package struct SubmitSummary: Sendable, Equatable {
    /// Jobs that were not in the queue.
    package var added = 0
    /// Jobs that were in the queue already, with the same contents.
    package var known = 0
    /// Jobs that were in the queue with other contents and are queued again.
    package var replaced = 0

    package init(added: Int = 0) { self.added = added }
}
