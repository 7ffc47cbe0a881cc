import Base
import DecodingSettings
import Fetch
import Queue

/// Jobs from lines of JSON:
///
///     {"id": "a", "images": ["x.png", "y.png"], "prompt": "caption en", "max_tokens": 32, "priority": 0}
///
/// In place of `images` stands `image` or `file_name`, or a video, `"video": "clip.mp4", "frames": 16`, of which so many frames
/// are the pictures. In place of a prompt stands a task of the paper with what it is about: `"task": "detect", "about": "cat ; dog"`.
/// The keys of ``DecodingOptions`` say how the answer is made. All other keys are the person's own and come back with the
/// result. Pictures are looked for beside the file. Only `images` must be there, and `prompt` where no default is given.
///
/// Without `id` a job is called by its pictures' paths, and by its prompt too where the file asks several things of the
/// same pictures; to know which these are, a file is read twice. Of a stream, the first job about some pictures has their name
/// alone.
///
/// A line that makes no sense is a job with a `fault`, named "FILE line N"; the others go on.
package final class JSONLinesJobs: JobSource {
    private static let example = #"{"images": ["x.png"], "prompt": "caption en"}"#

    private let name: String
    private var lines: LineReader
    private var describer: RowDescriber
    private var prompts: PromptsOfPictures
    private let keys: RowKeys
    /// The columns of `--columns` that no line has had, as far as is known here.
    private var missing: [ExactText]

    /// - Parameter path: A path or an address, `-` for standard input.
    /// - Throws: `unreadable`, also where a column is named with a key that no job has.
    package init(
        path: String, template: JobTemplate, fetcher: SharedFetcher = SharedFetcher()
    ) throws(QueueError) {
        let file = InputFile(path, fetcher)
        name = file.name
        describer = RowDescriber(template: template, folder: file.folder)
        missing = template.tally.missing("--columns")
        do throws(RowError) {
            keys = try RowKeys(template)
        } catch {
            throw QueueError.unreadable(error, path: file.name)
        }
        if file.isStream || template.id != nil {
            prompts = PromptsOfPictures()
        } else {
            var firstPass = try LineReader(file)
            prompts = try Self.prompts(in: &firstPass, keys, template: template)
        }
        lines = try LineReader(file)
    }

    /// Returns the job of the next line, nil at the end.
    ///
    /// - Throws: `unreadable` where the file cannot be read.
    package func next() throws(QueueError) -> Job? {
        while let line = try lines.next() {
            let place = "\(name) line \(lines.number)"
            do throws(RowError) {
                guard let members = try line.members(like: Self.example) else { continue }
                note(members)
                let row = Self.row(members, keys, place: place)
                return describer.job(row) { prompts.isAmbiguous($0, $1) }
            } catch {
                return RowDescriber.faulty(place, error.reason)
            }
        }
        return nil
    }

    package var notes: [String] { describer.notes }

    /// Notes which of the columns that the person named are in a line.
    private func note(_ members: [JSON.Member]) {
        guard !missing.isEmpty else { return }
        for column in keys.named(in: members) where missing.contains(column) {
            describer.template.tally.found(column, flag: "--columns")
            missing.removeAll { $0 == column }
        }
    }

    private static func row(_ members: [JSON.Member], _ keys: RowKeys, place: String) -> RowDescriber.Row {
        let (said, own) = keys.divided(members)
        return RowDescriber.Row(place: place, said: said, own: own)
    }

    private static func prompts(
        in lines: inout LineReader, _ keys: RowKeys, template: JobTemplate
    ) throws(QueueError) -> PromptsOfPictures {
        var prompts = PromptsOfPictures()
        // Nothing is looked at on the disk.
        var template = template
        template.verification = .none
        var describer = RowDescriber(template: template, folder: "")
        while let line = try lines.next() {
            guard case .some(.some(let members)) = try? line.members(like: Self.example) else { continue }
            let row = row(members, keys, place: "")
            guard !row.said.contains(where: { $0.key == "id" && $0.value != JSON.null }) else { continue }
            let job = describer.job(row) { _, _ in false }
            if job.fault == nil { prompts.note(job.images.map { $0.name }, job.prompt) }
        }
        prompts.complete()
        return prompts
    }
}

/// Which pictures are asked several things by jobs that have no id of their own: some 70 bytes for each of these jobs.
struct PromptsOfPictures {
    private var prompts: [Int: Int] = [:]
    private var several: Set<Int> = []
    /// Whether all rows were noted before the first is made a job.
    private var isComplete = false

    mutating func note(_ pictures: [String], _ prompt: String) {
        let key = Self.hash(pictures)
        let hash = Self.hash([prompt])
        if let first = prompts[key] {
            if first != hash { several.insert(key) }
        } else {
            prompts[key] = hash
        }
    }

    /// Notes that all rows were noted. Only which pictures are asked several things is kept.
    mutating func complete() {
        isComplete = true
        prompts = [:]
    }

    /// Returns whether the pictures are asked something else too: anywhere, or, of a stream, before this.
    mutating func isAmbiguous(_ pictures: [String], _ prompt: String) -> Bool {
        let key = Self.hash(pictures)
        if isComplete { return several.contains(key) }
        note(pictures, prompt)
        return prompts[key] != Self.hash([prompt])
    }

    private static func hash(_ texts: [String]) -> Int { texts.map(ExactText.init).hashValue }
}
