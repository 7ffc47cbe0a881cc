import ArgumentParser
import Base
import JobSources
import Pictures
import Queue
import WorkerInterface

struct RetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Queue failed jobs anew, with all their attempts.",
        discussion: """
            Pictures that had changed (--code changed) are taken as they are now, where they are to be seen from here.

            Their lines leave the results until they are answered. Canceled jobs come back where they are named, by id \
            or as --code cancelled.

              paligemma retry --queue jobs.db --code no_memory
              paligemma retry --queue jobs.db --all
            """)

    @OptionGroup var options: SelectionOptions

    func run() throws {
        let selection = try options.selection
        let queue = try options.opened()
        let changed = try ChangedPictures.accept(in: queue) { id in
            switch selection {
            case .all, .code(ImageError.Code.changed.rawValue): true
            case .code: false
            case .ids(let ids): ids.contains { $0.isExactly(id) }
            }
        }
        let count = try queue.retry(selection)
        if count > 0 { notifyWorlds(ofQueue: try options.address(), .jobsAdded) }
        Console.writeLine("\(count) queued anew" + options.remark(on: count, "failed or was canceled"))
        if changed > 0 {
            Console.writeLine(
                "the pictures of \(changed) of them had changed since they were submitted; they are taken as they are now"
            )
        }
    }
}
