import ArgumentParser
import Queue
import WorkerInterface

struct SubmitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Put jobs into a queue, for worlds of pg-worker to answer.",
        discussion: """
            A queue that does not exist is made. Pictures are kept by path, size and time of change, so submitting is quick and the files must stay where \
            they are; with --embed their bytes travel in the queue. The same id with the same contents is the same job: \
            submitting twice does no harm.

              paligemma submit --queue jobs.db --prompt "caption en" pictures/ more.jpg
              paligemma submit --queue postgres://db/captions --jobs jobs.jsonl --priority 5

            Beams, sampling, choices and the other decoding options are keys of a job, or flags for all of them:

              paligemma submit --queue jobs.db --prompt "caption en" --num-beams 4 --num-return 2 pictures/
              paligemma submit --queue jobs.db --prompt "caption en" --temperature 0.7 --top-p 0.9 --seed 1 pictures/
              paligemma submit --queue jobs.db --prompt "answer en is it a cat?" --choices yes,no pictures/
              paligemma submit --queue jobs.db --prompt "ocr" --stop $'\\n' --stop-repetition 8x3 --top-logprobs 3 x.jpg
            """)

    @OptionGroup var queue: OptionFlags<QueueSelection>

    @OptionGroup var jobs: JobOptions

    @Flag(
        help: Variable.embed.help(
            "Put the pictures themselves into the queue, up to 32 MiB each, for worlds that do not see the files."))
    var embed = false

    @Option(
        help: Variable.maxReady.help(
            "Submit nothing more when this many jobs wait for a world.", default: "no limit", valueName: "count"))
    var maxReady: Int?

    func run() throws {
        let address = try queue.address()
        let source = try jobs.source()
        let manner = Submission.Manner(
            otherContents: try jobs.otherContents, embed: try Variable.embed.isOn(embed),
            maxReady: try Variable.maxReady.count(maxReady, option: "--max-ready"))
        let submission = try Submission(of: source, to: openQueue(address, create: true), manner)
        let summary = submission.summary
        if summary.added + summary.replaced > 0 { notifyWorlds(ofQueue: address, .jobsAdded) }
        Console.writeLine(
            "\(summary.added) added, \(summary.known) known, \(summary.replaced) replaced"
                + (submission.faults > 0 ? ", \(submission.faults) failed at once" : ""))
        if let refusal = submission.refusal { throw refusal }
        if submission.faults > 0 { throw ExitStatus.jobsFailed }
    }
}
