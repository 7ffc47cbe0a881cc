import ArgumentParser
import Queue
import WorkerInterface

struct RetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Queue failed jobs anew, with all their attempts.",
        discussion: """
            Their lines leave the results until they are answered. Canceled jobs come back where they are named, by id \
            or as --code cancelled.

              paligemma retry --queue jobs.db --code no_memory
              paligemma retry --queue jobs.db --all
            """)

    @OptionGroup var options: SelectionOptions

    func run() throws {
        let selection = try options.selection
        let count = try options.opened().retry(selection)
        Console.writeLine("\(count) queued anew" + options.remark(on: count, "failed or was canceled"))
    }
}
