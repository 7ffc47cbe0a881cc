import ArgumentParser
import Queue
import WorkerInterface

struct PurgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Remove finished jobs and their results from a queue, and give back the room.",
        discussion: """
            Take the results out first: what is removed is gone. The record of which jobs were finished when stays.

              paligemma purge --queue jobs.db --older-than 7d
            """)

    @OptionGroup var queue: OptionFlags<QueueSelection>

    @Option(
        help: Variable.olderThan.help(
            "Time since they were finished: 90s, 30m, 12h, 7d; 0s for all.", valueName: "time"))
    var olderThan: String?

    func run() throws {
        let address = try queue.address()
        let text = try Variable.olderThan.required(olderThan, option: "--older-than")
        guard let age = Self.duration(text) else {
            throw ValidationError("'--older-than' is \(text); a time such as 90s, 30m, 12h or 7d is expected.")
        }
        let queue = try openQueue(address)
        let count = try queue.purge(olderThan: age)
        try queue.compact()
        Console.writeLine("\(count) removed")
    }

    private static func duration(_ text: String) -> Duration? {
        let seconds: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        guard let unit = text.last.flatMap({ seconds[$0] }), let number = Int64(text.dropLast()),
            (0...100_000_000).contains(number)
        else { return nil }
        return .seconds(number * unit)
    }
}
