import ArgumentParser
import Base
import Queue
import WorkerInterface

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how many jobs of a queue are done.",
        discussion: """
            Takes the same time for ten jobs and for a million, and disturbs nobody.

              paligemma status --queue jobs.db
              paligemma status --queue jobs.db --json | jq .done
            """)

    @OptionGroup var queue: OptionFlags<QueueSelection>

    @Flag(help: Variable.json.help("One JSON object for programs."))
    var json = false

    func run() throws {
        let address = try queue.address()
        let asJSON = try Variable.json.isOn(json)
        let report = try QueueReport(of: openQueue(address))
        print(asJSON ? report.json : report.text)
    }
}
