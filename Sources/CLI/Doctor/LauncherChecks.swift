import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Open MPI's launcher against the library that pg-worker is linked with, and whether the launcher starts anything.
package enum OpenMPICheck {
    /// The library of pg-worker.
    package enum Library: Sendable, Equatable {
        /// What MPI_Get_library_version says.
        case says(String)
        /// It is needed and cannot be loaded.
        case absent(String)
        /// What is there is no program of this software, or there is none.
        case unknown(String)
        case noWorker
    }

    /// What became of `mpirun -n N true`.
    package enum Start: Sendable, Equatable {
        case works
        case fails(String)
        case timedOut
    }

    package struct Facts: Sendable {
        package var ranks: Int
        /// What `mpirun --version` says first; nil where there is no mpirun.
        package var launcher: String?
        package var mpiLibrary: Library
        /// As things are; nil where it was not tried.
        package var start: Start?
        /// With what `paligemma run` sets; nil where it was not tried.
        package var completedStart: Start?

        package init(
            ranks: Int, launcher: String?, mpiLibrary: Library, start: Start? = nil, completedStart: Start? = nil
        ) {
            self.ranks = ranks
            self.launcher = launcher
            self.mpiLibrary = mpiLibrary
            self.start = start
            self.completedStart = completedStart
        }
    }

    package static func judge(_ facts: Facts) -> Finding {
        if facts.mpiLibrary == .noWorker {
            return Finding(
                .fail, "pg-worker is neither beside paligemma nor on PATH", "`make install` puts both programs on PATH")
        }
        if case .absent(let reason) = facts.mpiLibrary {
            return Finding(
                .fail, "the MPI library of pg-worker cannot be loaded: \(reason)",
                "install Open MPI's library (Debian: libopenmpi3), or set LD_LIBRARY_PATH")
        }
        // A world of one rank needs no launcher.
        let worst: Finding.Status = facts.ranks > 1 ? .fail : .note
        guard let launcher = facts.launcher else {
            return Finding(
                worst, "mpirun is not on PATH; only worlds of one rank start",
                "install Open MPI (Debian: openmpi-bin), or put its folder on PATH")
        }
        guard launcher.contains("Open MPI") || launcher.contains("OpenRTE"), let own = ProgramVersion(in: launcher)
        else {
            return Finding(
                worst, "mpirun is not Open MPI's: it says '\(launcher)'",
                "put the mpirun of Open MPI first on PATH: type -a mpirun")
        }
        return .all([compare(own, facts.mpiLibrary, worst)] + starts(facts, worst))
    }

    private static func compare(_ launcher: ProgramVersion, _ library: Library, _ worst: Finding.Status) -> Finding {
        guard case .says(let text) = library, let version = ProgramVersion(in: text) else {
            let reason = if case .unknown(let reason) = library { reason } else { "its library says no version" }
            return .notChecked("mpirun is \(launcher); the library of pg-worker is not known (\(reason))")
        }
        guard version != launcher else { return Finding(.ok, "mpirun and pg-worker's library are \(launcher)") }
        let isFar = version.parts.prefix(2) != launcher.parts.prefix(2)
        return Finding(
            isFar ? worst : .warn, "mpirun is \(launcher), pg-worker's library is \(version)",
            "put the mpirun of the library's installation first on PATH (type -a mpirun), or build with the other one's mpicc"
        )
    }

    private static func starts(_ facts: Facts, _ worst: Finding.Status) -> [Finding] {
        let command = "mpirun -n \(facts.ranks) true"
        switch (facts.start, facts.completedStart) {
        case (nil, _): return []
        case (.works, _): return [Finding(.ok, "`\(command)` works")]
        case (.timedOut, _):
            return [
                Finding(
                    .warn, "`\(command)` did not end in time",
                    "run it by hand; a name of this host that does not resolve, or a slow /tmp, makes mpirun wait")
            ]
        case (.fails(let reason), .works):
            return [
                Finding(
                    .warn, "a plain `\(command)` fails (\(reason)); with what run, supervise and serve set it works",
                    "before a plain mpirun: . cluster/env.sh")
            ]
        case (.fails(let reason), _):
            return [Finding(worst, "`\(command)` fails: \(reason)", "run it by hand and see what it writes")]
        }
    }
}

extension OpenMPICheck {
    private static let startLimit = 3.0

    /// - Parameter environment: of a world.
    static func facts(ranks: Int, _ environment: [String: String]) -> Facts {
        var facts = Facts(ranks: ranks, launcher: nil, mpiLibrary: library())
        guard let launcher = ExternalProgram(named: "mpirun") else { return facts }
        facts.launcher = DoctorProgram.firstLine(of: launcher, ["--version"], environment) ?? "nothing"
        // Inside a world mpirun would start another one in its place.
        let isInWorld = environment["OMPI_COMM_WORLD_SIZE"] != nil
        guard ranks > 1, !isInWorld, OpenMPICheck.judge(facts).status < .fail else { return facts }
        let start = start(launcher, ranks, environment)
        facts.start = start
        let completed = OpenMPIEnvironment.completed(environment)
        if case .fails = start, completed != environment {
            facts.completedStart = self.start(launcher, ranks, completed)
        }
        return facts
    }

    private static func start(_ launcher: ExternalProgram, _ ranks: Int, _ environment: [String: String]) -> Start {
        let result = DoctorProgram.run(launcher, ["-n", "\(ranks)", "true"], environment, limit: startLimit)
        switch result {
        case .ended(let outcome, _) where outcome.succeeded: return .works
        case .ended(let outcome, _):
            // Open MPI draws boxes around its messages.
            let lines = outcome.errorText.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            let said = lines.first { line in !line.isEmpty && !line.allSatisfy { $0 == "-" } }
            return .fails(said ?? "\(outcome.end)")
        case .notStarted(let reason): return .fails(reason)
        case .timedOut: return .timedOut
        }
    }

    /// Asks the library that pg-worker names, as the dynamic loader finds it for this process.
    private static func library() -> Library {
        guard let path = WorldCommand.find("pg-worker", besideThisProgram: true) else { return .noWorker }
        guard let name = SharedLibraryName.find(prefix: "libmpi.so.", in: path) else {
            return .unknown("\(path) is not linked with it")
        }
        guard let handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL) else {
            return .absent(dlerror().map { String(cString: $0) } ?? name)
        }
        guard let symbol = dlsym(handle, "MPI_Get_library_version") else { return .unknown("\(name) has no version") }
        typealias GetVersion = @convention(c) (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32
        let getVersion = unsafeBitCast(symbol, to: GetVersion.self)
        // MPI_MAX_LIBRARY_VERSION_STRING is 256 in Open MPI, 8192 in MPICH.
        var (text, length) = ([CChar](repeating: 0, count: 1 << 14), Int32(0))
        guard getVersion(&text, &length) == 0 else { return .unknown("\(name) refuses to say its version") }
        return .says(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
}

/// A launcher other than Open MPI's.
package enum LauncherCheck {
    /// - Parameter environment: of this process.
    package static func judge(_ environment: [String: String]) -> Finding {
        if environment["OMPI_COMM_WORLD_SIZE"] != nil {
            return Finding(.ok, "this is a rank of Open MPI's mpirun")
        }
        let marks = ["SLURM_STEP_ID", "PMI_RANK", "PMIX_RANK"].filter { environment[$0] != nil }
        guard let mark = marks.first else { return Finding(.ok, "no other launcher around this process") }
        let sizes = ["PMI_SIZE", "PMIX_SIZE", "SLURM_STEP_NUM_TASKS", "MPI_LOCALNRANKS"]
        let size = sizes.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first
        let launcher = mark == "SLURM_STEP_ID" ? "srun" : "a launcher that is not Open MPI's"
        let advice =
            "start worlds with mpirun, in a batch job from its script and not by srun (cluster/pg-worker.sbatch)"
        if size == 1 { return Finding(.note, "\(launcher) started this process (\(mark)), as its only one", advice) }
        guard let size else {
            return Finding(.warn, "\(launcher) started this process (\(mark)), of how many is not known", advice)
        }
        return Finding(.fail, "\(launcher) started this process as one of \(size) (\(mark))", advice)
    }
}
