import ArgumentParser
import Coordinator

struct SubmitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Put jobs into a queue, for worlds of pg-worker to answer.",
        discussion: """
            Pictures are kept by path, size and time of change, so submitting is quick and the files must stay where \
            they are. The same id with the same contents is the same job: submitting twice does no harm.

              paligemma submit --queue jobs.db --prompt "caption en" pictures/ more.jpg
              paligemma submit --queue jobs.db --jobs jobs.jsonl
            """)

    @Option(help: Variable.queue.help("The queue's file; made where there is none.", valueName: "file"))
    var queue: String?

    @OptionGroup var jobs: JobOptions

    func run() throws {
        let path = try Variable.queue.required(queue, option: "--queue")
        let source = try jobs.source()
        let otherContents = try jobs.otherContents
        let queue = try SQLiteQueue(path: path, create: true)
        let submission = try Submission(of: source, to: queue, otherContents: otherContents)
        let summary = submission.summary
        Talk.say(
            "\(summary.added) added, \(summary.known) known, \(summary.replaced) replaced"
                + (submission.faults > 0 ? ", \(submission.faults) described wrongly" : ""))
        if submission.faults > 0 { throw ExitStatus.someJobsFailed }
    }
}
