import ArgumentParser
import Foundation

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

            Exit codes: 0 all done, 1 some jobs failed (each has its line in the results), 2 usage, 3 environment, \
            4 model invalid, 5 queue unavailable, 70 internal, 130 and 143 interrupted.
            """,
        version: Version.text,
        subcommands: [
            RunCommand.self, SuperviseCommand.self, SubmitCommand.self, StatusCommand.self, ResultsCommand.self,
            FailedCommand.self, RetryCommand.self, CancelCommand.self, PurgeCommand.self, InspectCommand.self,
            RandomModelCommand.self, BenchCommand.self,
        ])

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            Foundation.exit(end(with: error).rawValue)
        }
    }

    /// Says what there is to say about `error`, and chooses the exit code.
    private static func end(with error: any Error) -> ExitStatus {
        if let status = error as? ExitStatus { return status }
        if let failure = CommandFailure(error) {
            Talk.say("paligemma: \(failure.message)")
            return failure.status
        }
        // What remains is the parser's: help and version are no failures, everything else is usage.
        let text = fullMessage(for: error)
        guard exitCode(for: error) != .success else {
            print(text)
            return .done
        }
        Talk.say(text)
        return exitCode(for: error) == .validationFailure ? .usage : .internalFault
    }
}

enum Version {
    static let text = "0.1.0"
}
