import Base
import Queue

/// What jobs have that their rows do not say, and how rows are read.
package struct JobTemplate: Sendable {
    /// Nil where every job must have its own.
    package var prompt: TextTemplate?
    /// The id of each job, made of its row's columns; nil for the standard one.
    package var id: TextTemplate?
    package var maxTokens = Job.defaultMaxTokens
    package var priority = 0
    /// The number of frames that are taken from a video; nil where videos are not accepted.
    package var frames: Int?
    /// The decoding options of jobs that do not give them, key by key.
    package var options: [JSON.Member] = []
    /// Whether standard ids are made of pictures and prompt, for a second question about the same pictures.
    package var idWithPrompt = false
    /// The person's name for what a job needs, by our name: `["image": "url"]`. Without a header, numbers from 1.
    package var columns: [ExactText: String] = [:]
    package var carried = CarriedColumns.all
    package var verification = PictureVerification.time
    /// The folder of relative names in rows; nil for the folder of the file that has the rows.
    package var folder: String?
    /// What the sources find that have this template or a copy of it.
    package let tally = SourceTally()

    package init() {}

    package init(prompt: String?, maxTokens: Int = Job.defaultMaxTokens, priority: Int = 0) throws(TemplateError) {
        self.prompt = try prompt.map { (text) throws(TemplateError) in try TextTemplate(text) }
        self.maxTokens = maxTokens
        self.priority = priority
    }
}

/// Which of a row's own columns come back with the result.
package enum CarriedColumns: Sendable, Equatable {
    /// All that have no other meaning.
    case all
    case none
    case named([String])

    func takes(_ name: String) -> Bool {
        switch self {
        case .all: true
        case .none: false
        case .named(let names): names.contains { $0.isExactly(name) }
        }
    }
}

/// How a worker verifies that a picture is the one that was submitted.
package enum PictureVerification: String, Sendable, CaseIterable {
    /// By size and time of change.
    case time
    /// By size: copies and files with new times are the same.
    case size
    /// By size and XXH3-128 of the bytes, for which they are read when they are submitted.
    case content
    /// Not at all.
    case none
}
