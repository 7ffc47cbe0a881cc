import ArgumentParser
import Base
import Hub
import WorkerInterface

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what keeps a world from starting here, or slows it down.",
        discussion: """
            Checks this machine, a queue, a model and other hosts, in less than five seconds, and changes nothing. Every check says \
            what it found: ok, note (nothing is wrong, or it was not checked), warn (slower, or at risk), fail (a world would not \
            start), with what to do. Exits with 3 where a check fails. docs/running.md has the checks.

              paligemma doctor
              paligemma doctor --queue jobs.db --model DIR --ranks 4
              paligemma doctor --hostfile hosts --json | jq '.[] | select(.status == "fail")'
            """)

    @Option(help: Variable.queue.help("The queue to check: a file, or postgres://host/database.", valueName: "queue"))
    var queue: String?

    @Option(help: Variable.model.help("The model's directory.", valueName: "dir"))
    var model: String?

    @Option(
        help: Variable.ranks.help(
            "The ranks of a world.", default: "one for each NUMA node, at least two", valueName: "count"))
    var ranks: Int?

    @Option(
        help: Variable.hostfile.help(
            "A file of hosts for mpirun: each is asked over ssh for its Open MPI and pg-worker.", valueName: "file"))
    var hostfile: String?

    @Flag(help: Variable.json.help("A JSON array for programs."))
    var json = false

    func run() throws {
        let asJSON = try Variable.json.isOn(json)
        let ranks = try Variable.ranks.count(ranks, option: "--ranks") ?? max(2, NodeBinding.bestRanks(on: .current))
        let request = Doctor.Request(
            queue: try Variable.queue.value(queue),
            model: try Variable.model.value(model).map { try ModelLocation.directory(of: $0) },
            hostFile: try Variable.hostfile.value(hostfile), ranks: ranks, environment: ProcessEnvironment.variables)
        let diagnosis = Doctor(request: request).examine()
        let report = DoctorReport(diagnosis)
        print(asJSON ? report.json : report.text)
        if diagnosis.hasFailed { throw ExitStatus.environment }
    }
}
