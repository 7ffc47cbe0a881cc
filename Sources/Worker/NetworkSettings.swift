import Base
import Foundation
import WorkerInterface

/// What this rank sets of Open MPI's network before it is initialized, each only where nobody has set it: not in the environment,
/// where mpirun puts its own options, and not in a file of parameters.
enum NetworkSettings {
    private static let prefix = "OMPI_MCA_"
    /// What Open MPI excludes itself.
    private static let excludedByDefault = ["127.0.0.1/8", "sppp"]

    /// Settles how messages travel. To be called before MPI is initialized, and before there are other threads.
    static func settle(_ launch: Launch, quiet: Bool) {
        // Without a launcher there is nobody to talk to.
        guard ProcessEnvironment.value(of: "OMPI_COMM_WORLD_SIZE") != nil else { return }
        let says = launch.localRank == 0 && !quiet
        let parameters = ParameterFiles()
        chooseMessageLayer(parameters, says: says)
        excludeContainerBridges(parameters, says: says)
    }

    /// Frames are received with matched probes, which Open MPI's layer `cm` (Omni-Path, libfabric) does not complete in time or
    /// at all with most of its transports.
    private static func chooseMessageLayer(_ parameters: ParameterFiles, says: Bool) {
        guard let given = ProcessEnvironment.value(of: prefix + "pml") ?? parameters["pml"] else {
            setenv(prefix + "pml", "ob1", 1)
            return
        }
        guard !given.hasPrefix("^"), given.split(separator: ",").contains("cm") else { return }
        setenv(prefix + "pml", "ob1", 1)
        if says {
            Console.log(
                "Open MPI's message layer cm (parameter pml) lacks what frames are received with: ob1 is used, over TCP and shared "
                    + "memory")
        }
    }

    private static func excludeContainerBridges(_ parameters: ParameterFiles, says: Bool) {
        let names = ["btl_tcp_if_include", "btl_tcp_if_exclude"]
        guard names.allSatisfy({ ProcessEnvironment.value(of: prefix + $0) == nil && parameters[$0] == nil }) else {
            return
        }
        let bridges = NetworkInterface.all.filter(\.isContainerBridge).map(\.name)
        guard !bridges.isEmpty else { return }
        setenv(prefix + "btl_tcp_if_exclude", (excludedByDefault + bridges).joined(separator: ","), 1)
    }
}

/// Open MPI's files of parameters: this user's and this host's.
struct ParameterFiles {
    private var values: [String: String] = [:]

    /// - Parameter paths: the files, of which the first that has a parameter counts.
    init(paths: [String] = ParameterFiles.standardPaths) {
        for path in paths {
            guard let bytes = FileSystem.contents(of: path) else { continue }
            for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
                let parts = line.split(separator: "=", maxSplits: 1).map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
                guard parts.count == 2, !parts[0].hasPrefix("#"), values[parts[0]] == nil else { continue }
                values[parts[0]] = parts[1]
            }
        }
    }

    subscript(name: String) -> String? { values[name] }

    private static var standardPaths: [String] {
        let home = ProcessEnvironment.value(of: "HOME").map { [$0 + "/.openmpi/mca-params.conf"] } ?? []
        return home + ["/etc/openmpi/openmpi-mca-params.conf", "/usr/local/etc/openmpi-mca-params.conf"]
    }
}
