import ArgumentParser
import Queue
import WorkerInterface

/// A queue, and some of its jobs: by id, by code, or all.
struct SelectionOptions: ParsableArguments {
    @OptionGroup var queue: OptionFlags<QueueSelection>

    @Flag(help: Variable.all.help("All that this command is for."))
    var all = false

    @Option(help: Variable.code.help("Those with this code, as `paligemma failed` names it.", valueName: "code"))
    var code: String?

    @Argument(help: "Ids of jobs.")
    var ids: [String] = []

    func opened() throws -> any JobQueue { try queue.opened() }
    func address() throws -> String { try queue.address() }

    /// Returns what a message adds where ids were named and the command is for none of these jobs.
    func remark(on count: Int, _ meant: String) -> String {
        count == 0 && !ids.isEmpty ? "; none of the ids is that of a job that \(meant)" : ""
    }

    var selection: JobSelection {
        get throws {
            // What stands in the environment does not widen what is named on the command line.
            if !ids.isEmpty {
                guard !all, code == nil else { throw ValidationError("Give ids, '--code' or '--all', not several.") }
                return .ids(ids)
            }
            let isAll = try Variable.all.isOn(all)
            switch (isAll, try Variable.code.value(code)) {
            case (false, let code?): return .code(code)
            case (true, nil): return .all
            case (true, _): throw ValidationError("Give ids, '--code' or '--all', not several.")
            case (false, nil): throw ValidationError("Which jobs: give their ids, '--code' or '--all'.")
            }
        }
    }
}
