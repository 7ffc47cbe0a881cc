import ArgumentParser
import Coordinator

struct ResultsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "results",
        abstract: "Take the answers out of a queue, one JSON object a line.",
        discussion: """
            A line: {"id", "images", "prompt", "text", "tokens", "logprobs", "finish_reason", "model", "seconds", \
            "error"}, and before "model" what else the job asked for: "stop_reason", "score", "answers", "choices", \
            "top_logprobs". A job that failed is a line too, with its error. May be called at any time, also while worlds \
            are at work; a file is put in place when it is whole.

              paligemma results --queue jobs.db --output captions.jsonl
              paligemma results --queue jobs.db --sorted | jq -r .text
            """)

    @Option(help: Variable.queue.help("The queue: a file, or postgres://host/database."))
    var queue: String?

    @Flag(help: Variable.sorted.help("In the order of the jobs, instead of that of completion."))
    var sorted = false

    @Option(help: Variable.output.help("Where to write.", default: "standard output", valueName: "file"))
    var output: String?

    func run() throws {
        let name = try Variable.queue.required(queue, option: "--queue")
        let isSorted = try Variable.sorted.isOn(sorted)
        let output = try Variable.output.value(output)
        let queue = try openQueue(name)
        if let output, output != "-" {
            _ = try OutputFile(writingAll: queue, sorted: isSorted, to: output)
        } else {
            let lines = LineWriter(standardOutput: ())
            try lines.write(all: queue, sorted: isSorted)
        }
    }
}
