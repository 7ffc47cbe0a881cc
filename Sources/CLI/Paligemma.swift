import ArgumentParser
import Base
import Foundation
import Queue
import WorkerInterface

/// The command for people. Exit codes: see `ExitStatus`.
@main
struct Paligemma: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "paligemma",
        abstract: "Captions, answers, texts and boxes for your pictures, from PaliGemma on plain processors.",
        discussion: """
            One machine, one command:

              paligemma run --model DIR --prompt "caption en" pictures/ --output captions.jsonl

            Or a queue that outlives its workers: `paligemma submit` fills it, `mpirun -n 4 pg-worker` works on it (as \
            many worlds as you like), `paligemma status` watches it, `paligemma results` takes the answers out. A file is a \
            queue for the worlds of this machine, postgres://host/database one for worlds anywhere. \
            `paligemma supervise -- mpirun …` starts a world again when it dies.

            Every flag has an environment variable, which its help names; the flag goes before the variable. \
            Results go to standard output or a file, everything else to standard error.

            \(ExitStatus.help(ExitStatus.ofCommands))
            """,
        version: Version.text,
        subcommands: [
            RunCommand.self, ServeCommand.self, SuperviseCommand.self, SubmitCommand.self, StatusCommand.self,
            ResultsCommand.self,
            FailedCommand.self, RetryCommand.self, CancelCommand.self, PurgeCommand.self, InspectCommand.self,
            PullCommand.self, RandomModelCommand.self, BenchCommand.self, PlanCommand.self, DoctorCommand.self,
        ])

    static func main() {
        var name = _commandName
        do {
            let arguments = ProcessEnvironment.arguments
            ProcessEnvironment.replaceArguments(QueueAddress.hidden(inArgument:))
            var command = try parseAsRoot(arguments)
            name = commandLine(of: type(of: command)) ?? name
            try command.run()
        } catch {
            Foundation.exit(end(of: name, with: error).code)
        }
    }

    /// Returns the words that call a command, "paligemma inspect plan".
    private static func commandLine(
        of command: any ParsableCommand.Type, in parent: any ParsableCommand.Type = Paligemma.self
    ) -> String? {
        if command == parent { return parent._commandName }
        return parent.configuration.subcommands.lazy.compactMap { commandLine(of: command, in: $0) }.first
            .map { "\(parent._commandName) \($0)" }
    }

    /// Reports an error, and chooses the exit code.
    ///
    /// - Parameter name: the words that call the command that failed.
    private static func end(of name: String, with error: any Error) -> ExitStatus {
        if let status = error as? ExitStatus { return status }
        if let failure = CommandFailure(error) {
            Console.log(failure.message)
            return failure.status
        }
        // A command refused its options: those are the ones to look up.
        if let reason = (error as? OptionError)?.description ?? (error as? ValidationError)?.message {
            Console.writeLine("Error: \(reason)\n  See '\(name) --help' for more information.")
            return .usage
        }
        // What remains is the parser's: help and version are no failures, everything else is usage.
        let text = fullMessage(for: error)
        guard exitCode(for: error) != .success else {
            print(text)
            return .success
        }
        Console.writeLine(text)
        return exitCode(for: error) == .validationFailure ? .usage : .internalError
    }
}

enum Version {
    static let text = "0.1.0"
}
