import Base
import DecodingSettings
import Foundation
import Pictures

/// Jobs from a file of JSON lines:
///
///     {"id": "a", "images": ["x.png", "y.png"], "prompt": "caption en", "max_tokens": 32, "priority": 0}
///
/// In place of `images` stands a video, `"video": "clip.mp4", "frames": 16`, of which so many frames are the pictures.
/// In place of a prompt stands a task of the paper with what it is about: `"task": "detect", "about": "cat ; dog"`.
/// The keys of ``DecodingOptions`` say how the answer is made. Pictures are looked for beside the file. Only `images`
/// must be there, and `prompt` where no default is given.
/// Without `id` a job is called by its pictures' paths, and by its prompt too where the file asks several things of
/// the same pictures; to know which these are, the file is read twice.
///
/// A line that makes no sense is a job with a `fault`, named "FILE line N"; the others go on.
package final class JobsFile: JobSource {
    static let keys =
        ["id", "images", "video", "frames", "prompt", "task", "lang", "about", "max_tokens", "priority"]
        + DecodingOptions.keys

    private let path: String
    private let folder: String
    private let defaults: JobDefaults
    private var lines: LineReader
    /// Hashes of pictures that are asked several things.
    private let askedSeveralThings: Set<Int>

    /// - Throws: `unreadable`.
    package init(path: String, defaults: JobDefaults) throws(QueueError) {
        self.path = path
        self.defaults = defaults
        folder = path.parentPath
        var firstPass = try LineReader(path: path)
        askedSeveralThings = try Self.severalThings(in: &firstPass, defaults: defaults)
        lines = try LineReader(path: path)
    }

    /// Returns the job of the next line, nil at the end.
    ///
    /// - Throws: `unreadable` where the file cannot be read.
    package func next() throws(QueueError) -> Job? {
        while let line = try lines.next() {
            switch Self.parse(line, defaults: defaults) {
            case .success(nil): continue
            case .success(let description?): return job(description)
            case .failure(let fault): return faultyJob(fault.reason)
            }
        }
        return nil
    }

    private func job(_ description: Description) -> Job {
        let isAmbiguous = askedSeveralThings.contains(description.images.hashValue)
        let standard = DefaultJobID.standard(
            pictures: description.images, prompt: isAmbiguous ? description.prompt : nil)
        return Job(
            id: description.id ?? standard,
            images: description.images.map { JobImage.look(at: $0, in: folder, frames: description.frames) },
            prompt: description.prompt, maxTokens: description.maxTokens, priority: description.priority,
            options: description.options, source: source)
    }

    private func faultyJob(_ reason: String) -> Job {
        var job = Job(id: source, images: [], prompt: "", source: source)
        job.fault = JobFailure(code: JobFailure.invalidJob, message: "\(source): \(reason)")
        return job
    }

    private var source: String { "\(path) line \(lines.number)" }

    /// Two prompts of the same pictures, among the lines without an id.
    private static func severalThings(
        in lines: inout LineReader, defaults: JobDefaults
    ) throws(QueueError) -> Set<Int> {
        var prompts: [Int: Int] = [:]
        var several: Set<Int> = []
        while let line = try lines.next() {
            guard case .success(let description?) = parse(line, defaults: defaults), description.id == nil else {
                continue
            }
            let pictures = description.images.hashValue
            let prompt = description.prompt.hashValue
            if prompts.updateValue(prompt, forKey: pictures).map({ $0 != prompt }) == true { several.insert(pictures) }
        }
        return several
    }
}

extension JobsFile {
    /// One line, with the defaults filled in.
    private struct Description {
        var id: String?
        var images: [String]
        /// Of the video that stands for images; nil for pictures.
        var frames: Int?
        var prompt: String
        var maxTokens: Int
        var priority: Int
        var options: String
    }

    /// Nil for an empty line.
    private static func parse(_ line: LineReader.Line, defaults: JobDefaults) -> Result<Description?, JobLineError> {
        guard case .bytes(let bytes) = line else {
            return .failure(JobLineError("longer than \(LineReader.maximumLength) bytes; divide it"))
        }
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return .success(nil) }
        let value: JSON
        do throws(JSON.SyntaxError) {
            value = try JSON(parsing: bytes)
        } catch {
            let reason = "not JSON at column \(error.offset + 1): \(error.reason); correct the line"
            return .failure(JobLineError(reason))
        }
        do throws(JobLineError) { return .success(try describe(value, defaults: defaults)) } catch {
            return .failure(error)
        }
    }

    private static func describe(_ value: JSON, defaults: JobDefaults) throws(JobLineError) -> Description {
        guard let members = value.object else {
            throw JobLineError("an object is expected, like {\"images\": [\"x.png\"], \"prompt\": \"caption en\"}")
        }
        for member in members where !keys.contains(member.key) {
            throw JobLineError("the key \"\(member.key)\" is not known; known are \(keys.joined(separator: ", "))")
        }
        let (task, words) = (try taskPrompt(value), try text(value["prompt"], "prompt"))
        let prompt = task ?? words ?? defaults.prompt
        guard let prompt else {
            throw JobLineError(
                "\"prompt\" is missing; add it, or a \"task\", or give one for all jobs with --prompt or --task"
            )
        }
        let id = try text(value["id"], "id")
        if id?.isEmpty == true { throw JobLineError("\"id\" is empty; give one, or leave the key out") }
        let maxTokens = try integer(value["max_tokens"], "max_tokens") ?? defaults.maxTokens
        guard (1...1_000_000).contains(maxTokens) else {
            throw JobLineError("\"max_tokens\" is \(maxTokens); give 1 to 1000000")
        }
        let video = try video(value, defaults: defaults)
        let names = if let video { [video.name] } else { try images(value["images"]) }
        return Description(
            id: id, images: names, frames: video?.frames, prompt: prompt, maxTokens: maxTokens,
            priority: try integer(value["priority"], "priority") ?? defaults.priority,
            options: try options(members.filter { DecodingOptions.keys.contains($0.key) }, defaults: defaults))
    }

    private static func options(_ own: [JSON.Member], defaults: JobDefaults) throws(JobLineError) -> String {
        let inherited = defaults.options.filter { option in !own.contains { $0.key == option.key } }
        do throws(DecodingOptionError) {
            return try DecodingOptions(inherited + own).text
        } catch {
            throw JobLineError(error.reason)
        }
    }

    /// Nil where the line names no task.
    private static func taskPrompt(_ value: JSON) throws(JobLineError) -> String? {
        let (language, about) = (try text(value["lang"], "lang"), try text(value["about"], "about"))
        guard let name = try text(value["task"], "task") else {
            guard language == nil, about == nil else {
                throw JobLineError("\"lang\" and \"about\" belong to a \"task\"; add it, or leave them out")
            }
            return nil
        }
        guard value["prompt"] == nil else {
            throw JobLineError("\"task\" and \"prompt\" are both there; a task is a prompt, leave one out")
        }
        guard let task = TaskPrompt(rawValue: name) else {
            let known = TaskPrompt.allCases.map(\.rawValue).joined(separator: ", ")
            throw JobLineError("the task \"\(name)\" is not known; known are \(known)")
        }
        do throws(TaskPromptError) {
            return try task.prompt(language: language, about: about)
        } catch {
            throw JobLineError(error.description)
        }
    }

    /// Nil where the line names no video.
    private static func video(_ value: JSON, defaults: JobDefaults) throws(JobLineError) -> (name: String, frames: Int)?
    {
        let frames = try integer(value["frames"], "frames")
        guard let name = try text(value["video"], "video") else {
            guard frames == nil else {
                throw JobLineError("\"frames\" belongs to a \"video\"; add it, or leave \"frames\" out")
            }
            return nil
        }
        guard !name.isEmpty else { throw JobLineError("\"video\" is empty; give the path of a video") }
        guard value["images"] == nil else {
            throw JobLineError(
                "\"video\" and \"images\" are both there; a video's frames are the images, leave one out")
        }
        let count = frames ?? defaults.frames ?? VideoReader.standardFrames
        guard (1...VideoReader.maximumFrames).contains(count) else {
            throw JobLineError("\"frames\" is \(count); give 1 to \(VideoReader.maximumFrames)")
        }
        return (name, count)
    }

    private static func images(_ value: JSON?) throws(JobLineError) -> [String] {
        guard let value else {
            throw JobLineError("\"images\" is missing; add the paths of the pictures, or a \"video\"")
        }
        let names = value.array?.map(\.string)
        guard let names, !names.isEmpty, !names.contains(where: { $0 == nil || $0 == "" }) else {
            throw JobLineError("\"images\" must be a list of one path or more, like [\"x.png\"]")
        }
        return names.compactMap(\.self)
    }

    private static func text(_ value: JSON?, _ key: String) throws(JobLineError) -> String? {
        guard let value else { return nil }
        guard let text = value.string else {
            throw JobLineError("\"\(key)\" must be a string and is \(value.kindName)")
        }
        return text
    }

    private static func integer(_ value: JSON?, _ key: String) throws(JobLineError) -> Int? {
        guard let value else { return nil }
        guard let number = value.integer else { throw JobLineError("\"\(key)\" must be a whole number") }
        return number
    }
}
