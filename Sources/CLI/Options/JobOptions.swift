import ArgumentParser
import Base
import DecodingSettings
import JobSources
import Pictures
import Queue
import WorkerInterface

/// Which jobs: pictures with one prompt, or a file of jobs.
struct JobOptions: ParsableArguments {
    @OptionGroup var question: PromptOptions

    @Option(
        help: Variable.jobs.help(
            "A file of jobs, one JSON object a line: {\"id\", \"images\", \"prompt\", \"max_tokens\", \"priority\", …}; "
                + "- is standard input; docs/inputs.md has all keys.",
            valueName: "file"))
    var jobs: String?

    @Option(
        help: Variable.list.help(
            "A list of pictures and folders, a name a line; - is standard input.", valueName: "file"))
    var list: String?

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

    @OptionGroup(title: "Sources") var sources: SourceOptions

    @Flag(help: Variable.replace.help("Queue a job anew whose id is there with other contents."))
    var replace = false

    @Flag(help: Variable.idWithPrompt.help("Put the prompt into the ids, to ask the same pictures a second thing."))
    var idWithPrompt = false

    @Argument(
        help: """
            Pictures, folders of them (to any depth), patterns, addresses (http, https, s3), and files of jobs by their \
            extension: jsonl, csv, tsv, parquet, tar. - is a list of names on standard input.
            """)
    var pictures: [String] = []

    var otherContents: OtherContents {
        get throws { try Variable.replace.isOn(replace) ? .replace : .refuse }
    }

    /// The files that are named as sources.
    var inputPaths: [String] {
        [jobs, list].compactMap(\.self) + pictures + sources.from.compactMap { SourceName($0)?.path }
    }

    /// The jobs, to be read one by one.
    func source() throws -> any JobSource {
        let template = try template()
        let reading = try sources.reading()
        var names = try sources.named() + pictures.map { SourceName(guessing: $0) }
        // A file in the environment does not stand against sources on the command line.
        if let file = names.isEmpty ? try Variable.jobs.value(jobs) : jobs {
            guard let name = SourceName("jsonl:" + file) else {
                throw ValidationError("'--jobs' is empty; name a file.")
            }
            names.append(name)
        }
        if let file = names.isEmpty ? try Variable.list.value(list) : list {
            guard let name = SourceName("list:" + file) else {
                throw ValidationError("'--list' is empty; name a file.")
            }
            names.append(name)
        }
        guard !names.isEmpty else {
            throw ValidationError(
                "No pictures: name files or folders, a table, shards, a list with '--list', or a file of jobs with '--jobs'."
            )
        }
        guard names.count(where: { $0.path == "-" }) <= 1 else {
            throw ValidationError("Several sources are standard input; only one can be.")
        }
        try sources.check(names)
        let needsPrompt = names.contains { [.pictures, .list, .webdataset, .img2dataset].contains($0.kind) }
        guard template.prompt != nil || !needsPrompt else {
            throw ValidationError(
                "Missing '--prompt': say what to ask, like --prompt \"caption en\" or --task caption.")
        }
        // What cannot be opened is said before anything is submitted.
        if names.count == 1 { return TalliedSource(try names[0].opened(template, reading), template.tally) }
        let chain = JobSourceChain(count: names.count) { [names] (index) throws(QueueError) in
            try names[index].opened(template, reading)
        }
        return TalliedSource(chain, template.tally)
    }

    private func template() throws -> JobTemplate {
        var template = JobTemplate()
        do {
            if let prompt = try question.resolved() { template.prompt = try TextTemplate(prompt) }
        } catch let error as TemplateError {
            throw ValidationError("The prompt cannot be read: \(error).")
        }
        template.frames = try Variable.frames.value(frames)
        guard (1...VideoReader.maximumFrames).contains(template.frames ?? 1) else {
            throw ValidationError("'--frames' is \(template.frames ?? 0); give 1 to \(VideoReader.maximumFrames).")
        }
        template.priority = try Variable.priority.value(priority) ?? 0
        template.maxTokens = try Variable.maxTokens.value(maxTokens) ?? Job.defaultMaxTokens
        guard (1...Job.largestMaxTokens).contains(template.maxTokens) else {
            throw ValidationError("'--max-tokens' is \(template.maxTokens); give 1 to \(Job.largestMaxTokens).")
        }
        template.idWithPrompt = try Variable.idWithPrompt.isOn(idWithPrompt)
        do throws(DecodingOptionError) {
            template.options = try decoding.members()
            _ = try DecodingOptions(template.options)
        } catch {
            throw ValidationError("\(error.reason).")
        }
        try sources.complete(&template)
        return template
    }
}
