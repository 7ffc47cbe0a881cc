import ArgumentParser
import Base
import Foundation
import PaliGemma
import Queue
import ShardPlan
import WorkerInterface

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Caption pictures on this machine, from start to end.",
        discussion: """
            Keeps a queue beside the output (captions.jsonl.queue): the same command again continues where it was \
            stopped, and does nothing twice. Results are appended as they come. The first ^C finishes the leased \
            jobs, the second stops at once; nothing is lost either way.

              paligemma run --model DIR --prompt "caption en" pictures/ more.jpg --output captions.jsonl
              paligemma run --model DIR --jobs jobs.jsonl --ranks 3 --sorted --output out.jsonl
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

    @Option(help: Variable.output.help("Where the results go, one JSON object a line.", valueName: "file"))
    var output: String?

    @Flag(help: Variable.sorted.help("Put the results in the order of the jobs, at the end."))
    var sorted = false

    @Flag(help: Variable.fresh.help("Start over: forget the queue and the results of an earlier run."))
    var fresh = false

    @Flag(help: Variable.dryRun.help("Describe what would be done, and do nothing."))
    var dryRun = false

    func run() throws {
        let output = try Variable.output.required(output, option: "--output")
        let source = try jobs.source()
        let manner = Submission.Manner(otherContents: try jobs.otherContents)
        let model = try model.values().model
        let settings = try world.resolved(model: model, configuration: ModelConfiguration(directory: model))
        if try Variable.dryRun.isOn(dryRun) {
            let submission = try Submission(of: source, to: nil, manner)
            return print(try RunForecast(settings: settings, submission: submission).text)
        }

        var command = try WorldCommand(settings, queue: output + ".queue")
        command.environment.merge(try supervision.environment()) { _, own in own }
        let supervisorSettings = try supervision.resolved()
        let lock = try RunLock(output: output)
        defer { withExtendedLifetime(lock) {} }
        try prepare(output, fresh: try Variable.fresh.isOn(fresh))

        let queue = try SQLiteQueue(path: output + ".queue", create: true)
        // The leases of an earlier run that was killed.
        try queue.reclaimAll(countingAttempts: true)
        try queue.forgetInvalidJobs()
        let submission = try Submission(of: source, to: queue, manner)
        var counts = try queue.counts()
        guard counts.total > 0 else {
            throw CommandFailure(.usage, "no pictures there; name files or folders with jpg, jpeg, png or webp")
        }
        Self.reportStart(submission, counts, settings)
        let file = try OutputFile(writingAll: queue, sorted: false, to: output)
        if counts.outstanding > 0 {
            // Until here a ^C simply ends us: every batch of jobs is submitted whole or not at all.
            var session = RunSession(
                queue: queue, output: file, settings: supervisorSettings, signals: Signals())
            try session.run(command)
            counts = try queue.counts()
        }
        if try Variable.sorted.isOn(sorted) { _ = try OutputFile(writingAll: queue, sorted: true, to: output) }
        if counts.done < counts.total { throw ExitStatus.jobsFailed }
    }

    /// Refuses an output that no earlier run made, and removes one that is to be made anew.
    private func prepare(_ output: String, fresh: Bool) throws {
        if fresh {
            for path in [output + ".queue", output + ".queue-journal", output] {
                FileSystem.remove(path)
            }
        }
        guard let status = FileSystem.status(of: output) else { return }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CommandFailure(.usage, "\(output) is not a file; give another --output")
        }
        guard status.st_size == 0 || FileSystem.exists(output + ".queue") else {
            throw CommandFailure(
                .usage,
                "\(output) is there and has no queue beside it; give another --output, or --fresh to replace it")
        }
    }

    private static func reportStart(_ submission: Submission, _ counts: JobCounts, _ settings: WorldSettings) {
        guard counts.outstanding > 0 else {
            return Console.writeLine("nothing left to do: \(counts.done) done, \(counts.failed) failed")
        }
        let jobs = counts.outstanding == 1 ? "1 job" : "\(counts.outstanding) jobs"
        let known = counts.finished > 0 ? " (\(counts.finished) of \(counts.total) are finished already)" : ""
        let (ranks, machine) = (settings.plan.ranks, MachineLimits.current)
        Console.writeLine("\(jobs) for \(ranks == 1 ? "one process" : "\(ranks) ranks")\(known)")
        if settings.worker.binding == .node, NodeBinding.cores(ofRank: 0, of: ranks, on: machine) != nil {
            Console.writeLine("each rank keeps to its part of this machine's \(machine.nodes.count) NUMA nodes")
        }
        let limits = machine.descriptions
        if !limits.isEmpty { Console.writeLine("this machine is limited to \(limits.joined(separator: "; "))") }
    }
}
