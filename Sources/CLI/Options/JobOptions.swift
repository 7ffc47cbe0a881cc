import ArgumentParser
import Base
import DecodingSettings
import Pictures
import Queue
import WorkerInterface

/// Which jobs: pictures with one prompt, or a file of jobs.
struct JobOptions: ParsableArguments {
    @OptionGroup var question: PromptOptions

    @Option(
        help: Variable.jobs.help(
            "A file of jobs, one JSON object a line: {\"id\", \"images\", \"prompt\", \"max_tokens\", \"priority\", …}; "
                + "docs/queue.md has all keys.",
            valueName: "file"))
    var jobs: String?

    @Option(
        help: Variable.maxTokens.help(
            "The longest answer, in tokens.", default: "\(Job.defaultMaxTokens)", valueName: "count"))
    var maxTokens: Int?

    @Option(
        help: Variable.frames.help(
            "Take videos too (mp4, mov, mkv, webm, avi, …), so many frames of each; ffmpeg reads them.",
            valueName: "count"))
    var frames: Int?

    @Option(
        parsing: .unconditional, help: Variable.priority.help("Higher goes first.", default: "0", valueName: "number"))
    var priority: Int?

    @OptionGroup(title: "Decoding") var decoding: OptionFlags<DecodingFlags>

    @Flag(help: Variable.replace.help("Queue a job anew whose id is there with other contents."))
    var replace = false

    @Flag(help: Variable.idWithPrompt.help("Put the prompt into the ids, to ask the same pictures a second thing."))
    var idWithPrompt = false

    @Argument(help: "Pictures, and folders of them (jpg, jpeg, png, webp; to any depth).")
    var pictures: [String] = []

    var otherContents: OtherContents {
        get throws { try Variable.replace.isOn(replace) ? .replace : .refuse }
    }

    /// The jobs, to be read one by one.
    func source() throws -> any JobSource {
        let prompt = try question.resolved()
        var defaults = JobDefaults(prompt: prompt)
        defaults.frames = try Variable.frames.value(frames)
        guard (1...VideoReader.maximumFrames).contains(defaults.frames ?? 1) else {
            throw ValidationError("'--frames' is \(defaults.frames ?? 0); give 1 to \(VideoReader.maximumFrames).")
        }
        defaults.priority = try Variable.priority.value(priority) ?? 0
        defaults.maxTokens = try Variable.maxTokens.value(maxTokens) ?? Job.defaultMaxTokens
        guard (1...1_000_000).contains(defaults.maxTokens) else {
            throw ValidationError("'--max-tokens' is \(defaults.maxTokens); give 1 to 1000000.")
        }
        do throws(DecodingOptionError) {
            defaults.options = try decoding.members()
        } catch {
            throw ValidationError("\(error.reason).")
        }
        // A file in the environment does not stand against pictures on the command line.
        if let file = pictures.isEmpty ? try Variable.jobs.value(jobs) : jobs {
            guard pictures.isEmpty else {
                throw ValidationError("Give either '--jobs' or pictures, not both.")
            }
            return try JobsFile(path: file, defaults: defaults)
        }
        guard !pictures.isEmpty else {
            throw ValidationError("No pictures: name files or folders, or a file of jobs with '--jobs'.")
        }
        guard let prompt else {
            throw ValidationError(
                "Missing '--prompt': say what to ask, like --prompt \"caption en\" or --task caption.")
        }
        do throws(DecodingOptionError) {
            _ = try DecodingOptions(defaults.options)
        } catch {
            throw ValidationError("\(error.reason).")
        }
        return PictureJobs(
            paths: pictures, prompt: prompt, defaults: defaults,
            idWithPrompt: try Variable.idWithPrompt.isOn(idWithPrompt))
    }
}
