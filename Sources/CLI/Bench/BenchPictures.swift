import JobSources
import Pictures
import Queue

/// Random pictures for a measurement, each another one, so that no features are known from before.
struct BenchPictures {
    private static let prompt = "caption en"

    private let folder: BenchFolder
    private let queue: SQLiteQueue
    private let newTokens: Int
    /// Pictures that were submitted.
    private(set) var count = 0

    init(_ folder: BenchFolder, _ queue: SQLiteQueue, newTokens: Int) {
        self.folder = folder
        self.queue = queue
        self.newTokens = newTokens
    }

    /// Makes pictures and submits a job for each.
    ///
    /// - Throws: where a picture cannot be written, or the queue does not take it.
    mutating func submit(_ number: Int) throws {
        let paths = (count..<count + number).map(folder.picture)
        for (offset, path) in paths.enumerated() {
            try PNGWriter.write(RandomPicture.make(count + offset), to: path)
        }
        count += number
        var template = try JobTemplate(prompt: nil, maxTokens: newTokens)
        template.verification = .none
        let jobs = PictureJobs(paths: paths, prompt: try TextTemplate(Self.prompt), template: template)
        _ = try Submission(of: jobs, to: queue, Submission.Manner())
    }
}
