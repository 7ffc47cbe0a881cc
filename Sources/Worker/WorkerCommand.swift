import ArgumentParser
import Base
import Foundation
import Queue
import WorkerInterface

/// The program that mpirun starts: one process is one rank of a world that answers the jobs of a queue.
@main
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pg-worker",
        abstract: "One rank of a world that answers the jobs of a queue with a PaliGemma model.",
        discussion: """
            mpirun -n 4 pg-worker --model DIR --queue jobs.db --drain
            mpirun -n 4 pg-worker --model DIR --queue jobs.db --adapter ocr=receipts/ --adapter cap=museum/

            The ranks split the model: the first encode pictures, the others hold the language model together, and
            rank 0 hands out the work. Started without mpirun it is a world of one.

            Every flag can stand in the environment instead (flag > environment > default).

            \(ExitStatus.help(ExitStatus.ofWorkers))
            """)

    /// All options of the table.
    private enum Options: OptionSelection {
        typealias Table = WorkerOptions
        static let options = WorkerOptions.all
    }

    @OptionGroup private var options: OptionFlags<Options>

    static func main() {
        do {
            let arguments = ProcessEnvironment.arguments
            ProcessEnvironment.replaceArguments(QueueAddress.hidden(inArgument:))
            let settings = try parse(arguments).options.values()
            Foundation.exit(World.run(settings).code)
        } catch let error as OptionError {
            Console.logOncePerWorld("pg-worker: \(error)\nSee pg-worker --help.")
            Foundation.exit(ExitStatus.usage.code)
        } catch {
            let isHelp = exitCode(for: error) == .success
            if isHelp { print(fullMessage(for: error)) } else { Console.logOncePerWorld(fullMessage(for: error)) }
            Foundation.exit((isHelp ? ExitStatus.success : .usage).code)
        }
    }
}
