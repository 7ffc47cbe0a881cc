import ArgumentParser
import Base
import Foundation
import Queue
import WorkerInterface

struct SuperviseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "supervise",
        abstract: "Keep a world at work: start it, and start it again when it dies.",
        discussion: """
            What stands behind -- is started as it is written: mpirun, srun or pg-worker, or a script that ends with \
            exec of one. A world that dies is started again after a pause; what it had leased goes back to the queue at \
            once, and is tried one job at a time, for one of them may have killed it. Five deaths in ten minutes are the \
            end. A world that cannot start (usage, environment, model) is not tried twice.

            SIGTERM, SIGINT or SIGUSR1 let it finish or return its leased jobs, within --drain-timeout; a second one \
            ends it at once.

              paligemma supervise -- mpirun -n 4 pg-worker --model DIR --queue jobs.db
            """)

    @OptionGroup(title: "Supervision") var supervision: SupervisionOptions

    @Option(
        name: .customLong(WorkerOptions.table.queue.description.name),
        help: Variable.queue.help(
            "The queue to which deaths are reported; where it is not given, that of the command.", valueName: "queue"))
    var queue: String?

    @Argument(parsing: .postTerminator, help: "The command that starts a world.")
    var command: [String] = []

    func run() throws {
        guard !command.isEmpty else {
            throw ValidationError("No command: write it behind --, like `supervise -- mpirun -n 4 pg-worker …`.")
        }
        let settings = try supervision.resolved()
        let name =
            try queue ?? Self.value(of: WorkerOptions.table.queue.description.flag, in: command)
            ?? Variable.queue.value(nil)
        if name == nil {
            Console.writeLine(
                "paligemma: no --queue in the command or here; the jobs of a dead world come back when its leases expire"
            )
        }
        let world = try WorldCommand(command, environment: supervision.environment())
        let supervisor = Supervisor(settings, queue: { try name.map { try openQueue($0) } }, signals: Signals())
        let request = Doctor.Request(
            queue: name,
            model: try Self.value(of: WorkerOptions.table.model.description.flag, in: command)
                ?? Variable.model.value(nil), ranks: Self.ranks(of: command), environment: world.environment)
        supervisor.onFailedStart = { FailedStart(request: request).report() }
        let end = try supervisor.run(world)
        if let status = Self.status(of: end, interruption: supervisor.interruption) { throw status }
        if supervisor.poisonedJobs > 0 { throw ExitStatus.jobsFailed }
    }

    /// Returns the exit status, or nil for success.
    private static func status(of end: WorldEnd, interruption: Int32?) -> ExitStatus? {
        switch end {
        case .refused(let status, let reason):
            Console.log("\(reason); starting it again would not help")
            return status
        case .interrupted(let status): return status
        case _ where interruption != nil: return .signal(interruption ?? SIGTERM)
        case .died(.queueUnavailable): return .queue
        case .died: return .internalError
        case .finished(let status): return status == .success ? nil : status
        }
    }

    /// Returns the value that the command gives to an option of its workers.
    private static func value(of flag: String, in command: [String]) -> String? {
        for (index, word) in command.enumerated() {
            if word == flag, index + 1 < command.count { return command[index + 1] }
            if word.hasPrefix(flag + "=") { return String(word.dropFirst(flag.count + 1)) }
        }
        return nil
    }

    /// Returns the number of ranks that the command asks mpirun for; 1 for a command that is not mpirun.
    private static func ranks(of command: [String]) -> Int {
        guard ["mpirun", "mpiexec"].contains(command.first?.lastPathPart ?? "") else { return 1 }
        let given = ["-n", "-np", "--np", "-c"].lazy.compactMap { value(of: $0, in: command) }.first
        return given.flatMap { Int($0) }.flatMap { (1...1024).contains($0) ? $0 : nil } ?? 2
    }
}
