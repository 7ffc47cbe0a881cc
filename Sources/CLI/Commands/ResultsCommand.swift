import ArgumentParser
import Base
import Queue
import WorkerInterface

struct ResultsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "results",
        abstract: "Take the answers out of a queue, one JSON object a line.",
        discussion: """
            A line: {"id", "images", "prompt", "text", "tokens", "logprobs", "finish_reason", "model", "seconds", \
            "error"}, and before "model" what else the job asked for: "boxes", "stop_reason", "score", "answers", \
            "choices", "top_logprobs". A job that failed is a line too, with its error. May be called at any time, also while worlds \
            are at work; a file is put in place when it is whole.

              paligemma results --queue jobs.db --output captions.jsonl
              paligemma results --queue jobs.db --format coco --output boxes.json
              paligemma results --queue jobs.db --sorted | jq -r .text
            """)

    @OptionGroup var queue: OptionFlags<QueueSelection>

    @Flag(help: Variable.sorted.help("In the order of the jobs, instead of that of completion."))
    var sorted = false

    @Option(help: Variable.output.help("Where to write.", default: "standard output", valueName: "file"))
    var output: String?

    @Option(
        help: Variable.format.help(
            "jsonl: a line a job. coco: the boxes of all answers, as COCO has detections.", default: "jsonl",
            valueName: "jsonl|coco"))
    var format: ResultFormat?

    func run() throws {
        let address = try queue.address()
        let isSorted = try Variable.sorted.isOn(sorted)
        let output = try Variable.output.value(output)
        let format = try Variable.format.value(format) ?? .jsonl
        let queue = try openQueue(address)
        if format == .coco { return try writeDetections(of: queue, to: output) }
        if let output, output != "-" {
            _ = try OutputFile(writingAll: queue, sorted: isSorted, to: output)
        } else {
            let lines = LineWriter(standardOutput: ())
            try lines.write(all: queue, sorted: isSorted)
        }
    }

    private func writeDetections(of queue: any JobQueue, to output: String?) throws {
        var file = CocoFile(of: queue)
        if let output, output != "-" {
            _ = try OutputFile(at: output) { lines in
                try file.write(to: lines)
                return 0
            }
        } else {
            try file.write(to: LineWriter(standardOutput: ()))
        }
        if file.failed > 0 {
            Console.log("\(file.failed) jobs failed and are not in it; see `paligemma failed`")
        }
    }
}
