import Base
import Foundation
import WorkerInterface

/// What is known of this process from its launcher and the machine.
struct Launch {
    let host: String
    let processID: Int32
    /// This rank among those of this world on this host, and their number.
    let localRank: Int
    let localRanks: Int
    let machine: MachineLimits
    /// The cores that this rank runs on.
    let cores: CoreSet
    /// Whether this rank has bound itself to a NUMA node, or to several.
    let isBoundToNode: Bool

    /// Looks at the machine, and binds this rank to a part of it where that was asked for and the launcher has not
    /// bound it. To be made before there are other threads.
    init(binding: RankBinding) {
        host = Self.hostName
        processID = getpid()
        let environment = ProcessEnvironment.variables
        let ranks = environment["OMPI_COMM_WORLD_LOCAL_SIZE"].flatMap { Int($0) } ?? 1
        localRanks = max(1, ranks)
        localRank = environment["OMPI_COMM_WORLD_LOCAL_RANK"].flatMap { Int($0) } ?? 0
        machine = .current
        let bound = binding == .node ? Self.bind(localRank, of: localRanks, on: machine) : nil
        cores = bound ?? machine.allowedCores
        isBoundToNode = bound != nil
    }

    static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, 255)
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// How many threads of this rank can compute at the same time.
    var usableCores: Int { max(1, min(cores.count, machine.cores)) }

    /// Binds this rank to its part of the NUMA nodes.
    ///
    /// - Returns: its cores; nil where it is not bound.
    private static func bind(_ rank: Int, of ranks: Int, on machine: MachineLimits) -> CoreSet? {
        let launcher = SystemFiles.current.allowedCores(ofProcess: "\(getppid())")
        // Who bound this rank knows better. Without a launcher there is no other rank here.
        guard ranks > 1, launcher == nil || launcher == machine.allowedCores,
            let cores = NodeBinding.cores(ofRank: rank, of: ranks, on: machine)
        else { return nil }
        do throws(SystemError) {
            try NodeBinding.run(on: cores)
            return cores
        } catch {
            Console.log("cannot bind rank \(rank) of this host to its NUMA node: \(error)")
            return nil
        }
    }

    /// Returns the number of ranks that the launcher started, by the variables of common launchers.
    static func ranksStarted() -> Int? {
        let environment = ProcessEnvironment.variables
        let variables = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE", "SLURM_STEP_NUM_TASKS", "MPI_LOCALNRANKS"]
        return variables.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first
    }

    /// Returns the hash of the program's own file, which changes with every build.
    static func build() -> String {
        guard let data = FileSystem.data(of: "/proc/self/exe") else { return "unknown" }
        return ContentHash.hexadecimal(of: [UInt8](data))
    }
}
