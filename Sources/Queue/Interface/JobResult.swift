/// One line of the results.
package struct JobResult: Sendable, Equatable {
    /// The number of the line in the order of completion. Numbers grow, with gaps where jobs were queued again.
    package var number: Int64
    /// The job's number in the order of submission.
    package var sequence: Int64
    package var id: String
    package var pictures: [JobImage]
    package var prompt: String
    /// The person's own columns, as a JSON object; nil for none.
    package var carried: String?
    /// The model's name; nil before the queue's first world.
    package var model: String?
    package var outcome: Outcome

    /// The names that the person gave the pictures.
    package var images: [String] { pictures.map(\.name) }

    package enum Outcome: Sendable, Equatable {
        case answered(Answer)
        case failed(JobFailure, seconds: Double)
    }

    package init(
        number: Int64, sequence: Int64, id: String, pictures: [JobImage], prompt: String, carried: String? = nil,
        model: String?, outcome: Outcome
    ) {
        self.carried = carried
        self.number = number
        self.sequence = sequence
        self.id = id
        self.pictures = pictures
        self.prompt = prompt
        self.model = model
        self.outcome = outcome
    }
}
