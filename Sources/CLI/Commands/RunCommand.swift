import ArgumentParser
import Base
import Foundation
import Hub
import PaliGemma
import Queue
import ResultSinks
import ShardPlan
import WorkerInterface

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Caption pictures on this machine, from start to end.",
        discussion: """
            Keeps a queue beside the output (captions.jsonl.queue): the same command again continues where it was \
            stopped, and does nothing twice. Results are appended as they come. The first ^C finishes the leased \
            jobs, the second stops at once; nothing is lost either way. docs/outputs.md has the formats.

              paligemma run --model DIR --prompt "caption en" pictures/ more.jpg --output captions.jsonl
              paligemma run --model DIR --jobs jobs.jsonl --ranks 3 --sorted --output out.jsonl
              paligemma run --model DIR --prompt "caption en" pictures/ --format txt --output captions
              paligemma run --model DIR --prompt ocr 'shards/*.tar' --format webdataset --output-dir texts/
              paligemma run --model DIR --task detect --about "cat ; dog" pictures/ --output boxes.jsonl
              paligemma run --model DIR --task caption --lang de --frames 16 clips/ --output captions.jsonl
              paligemma run --model DIR --jobs questions.jsonl --feature-folder features --output answers.jsonl
              paligemma run --model DIR --prompt ocr --resize big_vision_antialias scans/ --output texts.jsonl
              paligemma run --model DIR --prompt "caption en" --num-beams 4 pictures/ --output captions.jsonl
              paligemma run --model DIR --prompt "answer en is it a cat?" --choices yes,no cats/ --output labels.jsonl
              paligemma run --model DIR --adapter a=lora/ --use-adapter a --prompt "ocr" scans/ --output texts.jsonl
            """)

    @OptionGroup(title: "World") var model: OptionFlags<ModelSelection>
    @OptionGroup(title: "World") var world: WorldOptions
    @OptionGroup(title: "Supervision") var supervision: SupervisionOptions
    @OptionGroup(title: "Jobs") var jobs: JobOptions

    @OptionGroup(title: "Output") var output: OutputOptions

    @Flag(help: Variable.fresh.help("Start over: forget the queue and the results of an earlier run."))
    var fresh = false

    @Flag(help: Variable.dryRun.help("Describe what would be done, and do nothing."))
    var dryRun = false

    func run() throws {
        var options = try output.resolved()
        let given = try output.runName(options)
        // What begins with a dash would be an option of the programs that are given it.
        let name = given.utf8.first == UInt8(ascii: "-") ? "./" + given : given
        options.sidecarLog = options.sidecarLog ?? name + ".queue.sidecars"
        try options.check(inputs: jobs.inputPaths)
        let source = try jobs.source()
        let manner = Submission.Manner(
            otherContents: try jobs.otherContents, sharesQueue: !options.format.needsAllJobs,
            output: SubmissionCheck(options))
        let model = try ModelLocation.directory(of: model.values().model)
        let settings = try world.resolved(model: model, configuration: ModelConfiguration(directory: model))
        if try Variable.dryRun.isOn(dryRun) {
            let submission = try Submission(of: source, to: nil, manner)
            return print(try RunForecast(settings: settings, submission: submission).text)
        }

        let supervisorSettings = try supervision.resolved()
        let lock = try RunLock(output: name)
        defer { withExtendedLifetime(lock) {} }
        try prepare(options, name, fresh: try Variable.fresh.isOn(fresh))

        let queue = try SQLiteQueue(path: name + ".queue", create: true)
        // The leases of an earlier run that was killed.
        try queue.reclaimAll(countingAttempts: true)
        try queue.forgetInvalidJobs()
        let submission = SubmissionThread(of: source, to: queue, manner)
        // Formats that write a shard when all of its jobs have ended need to know all of them.
        let submitted = try submission.wait(seconds: options.format.needsAllJobs ? nil : Self.submissionWait)
        var counts = try queue.counts()
        guard counts.total + (submitted?.skipped ?? 1) > 0 else {
            throw CommandFailure(.usage, "no pictures there; name files, or folders with pictures (docs/inputs.md)")
        }
        Self.reportStart(submitted, counts, settings)
        let sink = try makeSink(options)
        try sink.update(from: queue)
        let isWhole: Bool
        if counts.outstanding > 0 || submitted == nil {
            var command = try WorldCommand(settings, queue: name + ".queue", endsWhenEmpty: submitted != nil)
            command.environment.merge(try supervision.environment()) { _, own in own }
            // Until here a ^C simply ends us: every batch of jobs is submitted whole or not at all.
            var session = RunSession(
                queue: queue, output: sink, settings: supervisorSettings, signals: Signals(),
                submission: submitted == nil ? submission : nil,
                failedStart: FailedStart(
                    request: .init(
                        queue: name + ".queue", model: model, ranks: settings.plan.ranks,
                        environment: command.environment)))
            isWhole = try session.run(command)
            counts = try queue.counts()
        } else {
            isWhole = try RunSession.finish(sink, from: queue)
        }
        if counts.done < counts.total || !isWhole { throw ExitStatus.jobsFailed }
    }

    /// Refuses an output that no earlier run made, and removes one that is to be made anew.
    private func prepare(_ options: SinkOptions, _ name: String, fresh: Bool) throws {
        let output: String? = if case .file(let path) = options.place { path } else { nil }
        if let output, let status = FileSystem.status(of: output) {
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw CommandFailure(.usage, "\(output) is not a file; give another --output")
            }
            guard status.st_size == 0 || FileSystem.exists(name + ".queue") else {
                throw CommandFailure(
                    .usage,
                    "\(output) is there and has no queue beside it, so no earlier run made it; give another --output, or remove it"
                )
            }
        }
        if fresh {
            for path in [name + ".queue", name + ".queue-journal", options.sidecarLog, output].compactMap(\.self) {
                FileSystem.remove(path)
            }
        }
    }

    /// How long a submission is waited for before the first jobs are answered, in seconds.
    private static let submissionWait = 0.4

    /// - Parameter submission: nil where it goes on.
    private static func reportStart(_ submission: Submission?, _ counts: JobCounts, _ settings: WorldSettings) {
        if let submission, submission.skipped > 0 {
            let skipped = submission.skipped.counted(
                "picture has its text already and is", "pictures have their text already and are")
            Console.writeLine("\(skipped) not asked about")
        }
        guard counts.outstanding > 0 || submission == nil else {
            return Console.writeLine("nothing left to do: \(counts.done) done, \(counts.failed) failed")
        }
        let first = submission == nil ? "the first " : ""
        let jobs = first + counts.outstanding.counted("job")
        let known = counts.finished > 0 ? " (\(counts.finished) of \(counts.total) are finished already)" : ""
        let (ranks, machine) = (settings.plan.ranks, MachineLimits.current)
        Console.writeLine("\(jobs) for \(ranks == 1 ? "one process" : "\(ranks) ranks")\(known)")
        if settings.worker.binding == .node, NodeBinding.cores(ofRank: 0, of: ranks, on: machine) != nil {
            Console.writeLine(
                "each rank keeps to its part of this machine's \(machine.nodes.count.counted("NUMA node"))")
        }
        let limits = machine.descriptions
        if !limits.isEmpty { Console.writeLine("this machine is limited to \(limits.joined(separator: "; "))") }
    }
}
