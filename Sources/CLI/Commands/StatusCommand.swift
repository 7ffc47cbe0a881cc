import ArgumentParser
import Base
import Queue

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how many jobs of a queue are done.",
        discussion: """
            Takes the same time for ten jobs and for a million, and disturbs nobody.

              paligemma status --queue jobs.db
              paligemma status --queue jobs.db --json | jq .done
            """)

    @Option(help: Variable.queue.help("The queue: a file, or postgres://host/database."))
    var queue: String?

    @Flag(help: Variable.json.help("One JSON object for programs."))
    var json = false

    func run() throws {
        let name = try Variable.queue.required(queue, option: "--queue")
        let asJSON = try Variable.json.isOn(json)
        let report = try QueueReport(of: openQueue(name))
        print(asJSON ? report.json : report.text)
    }
}
