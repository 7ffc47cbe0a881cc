import Foundation

/// What this machine has, and what this process may use of it: the only place that says how many cores and how much
/// memory there are.
package struct MachineLimits: Sendable, Equatable {
    /// Cores of the machine that are switched on.
    package let machineCores: Int
    /// The cores that this process may run on, by its affinity mask; a cpuset is in it.
    package let allowedCores: CoreSet
    /// Bytes.
    package let machineMemory: Int
    package let container: ContainerLimits
    /// The NUMA nodes of the allowed cores, at least one.
    package let nodes: [MemoryNode]

    package init(_ files: SystemFiles) {
        let process = ProcessInfo.processInfo
        let online = files.onlineCores
        let allowed = files.allowedCores(ofProcess: "self") ?? CoreSet(0..<process.activeProcessorCount)
        let kilobytes = files.value(of: "MemTotal", in: "/proc/meminfo")?.split(separator: " ").first
        let total = kilobytes.flatMap { Int($0) }.map { $0.multipliedReportingOverflow(by: 1024) }
        allowedCores = allowed
        machineCores = max(online?.count ?? process.processorCount, allowed.count)
        machineMemory = total.flatMap { $0.overflow ? nil : $0.partialValue } ?? Int(clamping: process.physicalMemory)
        container = ContainerLimits(files)
        nodes = MemoryNode.all(files, allowed: allowed)
    }

    /// The limits at this moment.
    package static var current: MachineLimits { MachineLimits(.current) }

    /// The quota of the container in whole cores; nil where it has none.
    ///
    /// It is rounded to the nearest, at least one. The threads of a team that has more cores than time stand still
    /// together for the rest of each period, and so does the thread that moves messages: half a core too much costs
    /// less than half a core left idle, and less than half is not worth the pauses.
    package var quotaCores: Int? {
        container.cores.map { $0 < Double(Int32.max) ? max(1, Int($0.rounded())) : Int(Int32.max) }
    }

    /// How many threads of this process can compute at the same time; at least one.
    package var cores: Int { max(1, min(allowedCores.count, quotaCores ?? .max)) }

    /// Bytes that this process and the others of its container may use together.
    package var memory: Int { min(machineMemory, container.memory ?? .max) }

    /// Describes for people what is limited and by what, one part for each: "2 of 64 cores (cgroup quota of 2.5)",
    /// "4 GB of 264 GB of memory (cgroup limit)". Empty where the whole machine may be used.
    package var descriptions: [String] {
        var parts: [String] = []
        let quota = container.cores.flatMap { $0 < Double(allowedCores.count) ? $0 : nil }
        if quota != nil || cores < machineCores {
            let cause = quota.map { String(format: "cgroup quota of %g", ($0 * 1000).rounded() / 1000) }
            let noun = machineCores == 1 ? "core" : "cores"
            parts.append("\(cores) of \(machineCores) \(noun) (\(cause ?? "affinity mask"))")
        }
        if memory < machineMemory {
            parts.append("\(Self.size(memory)) of \(Self.size(machineMemory)) of memory (cgroup limit)")
        }
        if !container.ignoredFiles.isEmpty {
            parts.append("ignored, for it cannot be read: \(container.ignoredFiles.joined(separator: ", "))")
        }
        return parts
    }

    private static func size(_ bytes: Int) -> String {
        let isLarge = bytes >= 1_000_000_000
        return String(format: isLarge ? "%.3g GB" : "%.3g MB", Double(bytes) / (isLarge ? 1e9 : 1e6))
    }
}
