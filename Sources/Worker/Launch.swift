import Base
import Foundation

/// What is known of this process from its launcher and the machine.
struct Launch {
    let host: String
    let processID: Int32
    /// Ranks of this world on this host.
    let localRanks: Int
    /// Cores that this process may run on.
    let cores: Int
    /// Whether the launcher bound this rank to cores of its own, fewer than the launcher itself has.
    let isBound: Bool

    init(worldSize: Int) {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, 255)
        host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        processID = getpid()
        let environment = ProcessInfo.processInfo.environment
        localRanks = environment["OMPI_COMM_WORLD_LOCAL_SIZE"].flatMap { Int($0) } ?? worldSize
        cores = ProcessInfo.processInfo.activeProcessorCount
        isBound = Self.allowedCores("self") != Self.allowedCores("\(getppid())")
    }

    /// Returns the compute threads of this rank: all its cores where it is bound to some, its share of the machine
    /// otherwise. Ranks with fewer than two cores each get all of them, and compute one after the other.
    func threads() -> Int {
        let share = cores / max(1, localRanks)
        return isBound || share < 2 ? cores : share
    }

    /// Returns whether the ranks of this host share its cores: each has threads for all of them.
    func sharesCores(threads: Int) -> Bool { !isBound && localRanks > 1 && threads >= cores }

    /// Returns whether this host can keep so many bytes of weights in memory and have as much again for everything else.
    static func hasMemory(for bytes: Int) -> Bool {
        ProcessInfo.processInfo.physicalMemory / 2 >= UInt64(bytes)
    }

    /// Returns the processor mask of a process, as the kernel prints it.
    private static func allowedCores(_ process: String) -> Substring? {
        let status = FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data()
        return String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }
    }

    /// Returns the number of ranks that the launcher started, by the variables of common launchers.
    static func ranksStarted() -> Int? {
        let environment = ProcessInfo.processInfo.environment
        let variables = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE", "SLURM_STEP_NUM_TASKS", "MPI_LOCALNRANKS"]
        return variables.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first
    }

    /// Returns the hash of the program's own file, which changes with every build.
    static func build() -> String {
        guard let data = FileManager.default.contents(atPath: "/proc/self/exe") else { return "unknown" }
        return ContentHash.hexadecimal(of: [UInt8](data))
    }
}
