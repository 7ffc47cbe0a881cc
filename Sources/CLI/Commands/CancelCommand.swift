import ArgumentParser
import Queue
import WorkerInterface

struct CancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel jobs that are not finished.",
        discussion: """
            Each gets a line in the results, with the code "cancelled". A job that a world has is canceled too: its \
            answer is refused when it comes. --code means jobs that wait for another attempt after failing with it.

              paligemma cancel --queue jobs.db pictures/a.jpg pictures/b.jpg
              paligemma cancel --queue jobs.db --all
            """)

    @OptionGroup var options: SelectionOptions

    func run() throws {
        let selection = try options.selection
        let count = try options.opened().cancel(selection)
        if count > 0 { notifyWorlds(ofQueue: try options.address(), .jobsCanceled) }
        Console.writeLine("\(count) canceled" + options.remark(on: count, "waits or is worked on"))
    }
}
