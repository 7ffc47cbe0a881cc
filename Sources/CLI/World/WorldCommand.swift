import Base
import Foundation

/// The command line and the environment of a world.
struct WorldCommand {
    var executable: String
    var arguments: [String]
    var environment: [String: String]

    /// The command that works on a queue.
    ///
    /// - Parameter endsWhenEmpty: whether the world ends when the queue is empty, instead of waiting for more.
    /// - Throws: a failure of the environment where pg-worker or mpirun is not to be found.
    init(_ settings: WorldSettings, queue: String, endsWhenEmpty: Bool = true) throws(CommandFailure) {
        var environment = ProcessEnvironment.variables
        guard let worker = Self.find("pg-worker", besideThisProgram: true) else {
            throw CommandFailure(
                .environment, "pg-worker is neither beside paligemma nor on PATH; `make install` puts both there")
        }
        let ranks = settings.plan.ranks
        var options = settings.worker
        options.queue = queue
        options.drain = endsWhenEmpty
        options.ranksExpected = ranks
        options.visionRanks = settings.plan.visionRanks
        // The progress is ours to show.
        options.quiet = true

        if ranks == 1 {
            (executable, arguments) = (worker, options.arguments)
        } else {
            guard let launcher = Self.find("mpirun", besideThisProgram: false) else {
                throw CommandFailure(
                    .environment, "mpirun is not on PATH; install Open MPI (Debian: openmpi-bin), or give --ranks 1")
            }
            (executable, arguments) = (launcher, ["-n", "\(ranks)", worker] + options.arguments)
            environment = OpenMPIEnvironment.completed(environment)
        }
        self.environment = environment
    }

    /// A command as a person wrote it, its program first.
    ///
    /// - Throws: a failure of the environment where there is no such program.
    init(_ words: [String], environment own: [String: String]) throws(CommandFailure) {
        let name = words.first ?? ""
        guard let program = name.contains("/") ? name : Self.find(name, besideThisProgram: name == "pg-worker") else {
            throw CommandFailure(.environment, "\(name) is not on PATH")
        }
        executable = program
        arguments = Array(words.dropFirst())
        environment = OpenMPIEnvironment.completed(ProcessEnvironment.variables).merging(own) { _, own in own }
    }

    /// Returns the path of a program: beside this one, or in a folder of PATH.
    static func find(_ name: String, besideThisProgram: Bool) -> String? {
        var folders = (ProcessEnvironment.variables["PATH"] ?? "").split(separator: ":").map(String.init)
        let ownPath = FileSystem.target(ofLink: "/proc/self/exe")
        if besideThisProgram, let ownPath {
            folders.insert(ownPath.parentPath, at: 0)
        }
        return folders.map { $0 + "/" + name }.first { FileSystem.isPermitted($0, X_OK) }
    }
}
