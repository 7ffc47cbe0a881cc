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

    /// - Parameter path: A path or an address, `-` for standard input.
    /// - Throws: `unreadable`.
    package init(
        path: String, template: JobTemplate, fetcher: SharedFetcher = SharedFetcher()
    ) throws(QueueError) {
        let file = InputFile(path, fetcher)
        name = file.name
        describer = RowDescriber(template: template, folder: file.folder)
        if file.isStream {
            prompts = PromptsOfPictures()
        } else {
            var firstPass = try LineReader(file)
            prompts = try Self.prompts(in: &firstPass, template: template)
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
                let row = Self.row(members, place: place)
                return describer.job(row) { prompts.isAmbiguous($0, $1) }
            } catch {
                return RowDescriber.faulty(place, error.reason)
            }
        }
        return nil
    }

    package var notes: [String] { describer.notes }

    private static func row(_ members: [JSON.Member], place: String) -> RowDescriber.Row {
        RowDescriber.Row(
            place: place, said: members.filter { RowDescriber.knows($0.key) },
            own: members.filter { !RowDescriber.knows($0.key) })
    }

    private static func prompts(
        in lines: inout LineReader, template: JobTemplate
    ) throws(QueueError) -> PromptsOfPictures {
        var prompts = PromptsOfPictures()
        // Nothing is looked at on the disk.
        var template = template
        template.verification = .none
        var describer = RowDescriber(template: template, folder: "")
        while let line = try lines.next() {
            guard case .some(.some(let members)) = try? line.members(like: Self.example),
                !members.contains(where: { $0.key == "id" && $0.value != JSON.null })
            else { continue }
            let job = describer.job(row(members, place: "")) { _, _ in false }
            if job.fault == nil { prompts.note(job.images.map { $0.name }, job.prompt) }
        }
        prompts.isComplete = true
        return prompts
    }
}

/// Which pictures are asked several things.
struct PromptsOfPictures {
    private var prompts: [Int: Int] = [:]
    private var several: Set<Int> = []
    /// Whether all rows were noted before the first is made a job.
    var isComplete = false

    mutating func note(_ pictures: [String], _ prompt: String) {
        let key = Self.hash(pictures)
        let hash = Self.hash([prompt])
        if let first = prompts[key] {
            if first != hash { several.insert(key) }
        } else {
            prompts[key] = hash
        }
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
