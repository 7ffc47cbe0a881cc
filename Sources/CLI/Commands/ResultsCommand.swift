import ArgumentParser
import Base
import Queue
import ResultSinks
import WorkerInterface

struct ResultsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "results",
        abstract: "Take the answers out of a queue, one JSON object a line or in another format.",
        discussion: """
            A line: {"id", "images", "prompt", "text", "tokens", "logprobs", "finish_reason", "model", "seconds", \
            "error"}, and before "model" what else the job asked for: "boxes", "stop_reason", "score", "answers", \
            "choices", "top_logprobs". A job that failed is a line too, with its error. May be called at any time, also while worlds \
            are at work; a file is put in place when it is whole.

              paligemma results --queue jobs.db --output captions.jsonl
              paligemma results --queue jobs.db --output captions.parquet
              paligemma results --queue jobs.db --format txt --extension .caption
              paligemma results --queue jobs.db --format webdataset --output-dir answers/
              paligemma results --queue jobs.db --format coco --output boxes.json
              paligemma results --queue jobs.db --format coco-results --coco-images instances.json --output boxes.json
              paligemma results --queue jobs.db --sorted | jq -r .text
            """)

    @OptionGroup var queue: OptionFlags<QueueSelection>
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() throws {
        let address = try queue.address()
        var options = try output.resolved()
        let isFile = !QueueAddress.isDatabase(address)
        if isFile {
            options.sidecarLog = options.sidecarLog ?? address + ".sidecars"
            try options.check(inputs: [address])
        }
        let queue = try openQueue(address)
        let report = try makeSink(options).finish(from: queue)
        for note in report.notes { Console.log(note) }
        if report.isIncomplete { throw ExitStatus.jobsFailed }
    }
}
