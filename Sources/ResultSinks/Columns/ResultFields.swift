import Base
import Queue

/// What a table has of a result, beside the person's own columns.
struct ResultFields {
    /// Nil for a job that failed.
    let answer: Answer?
    /// Nil for a job that was answered.
    let failure: JobFailure?
    let seconds: Double

    init(_ result: JobResult) {
        switch result.outcome {
        case .answered(let answer): (self.answer, failure, seconds) = (answer, nil, answer.seconds)
        case .failed(let failure, let seconds): (answer, self.failure, self.seconds) = (nil, failure, seconds)
        }
    }

    /// The time in seconds, to the millisecond.
    var roundedSeconds: Double { (seconds * 1000).rounded() / 1000 }
}
