/// A NUMA node: cores, and memory that is nearer to them than to others.
package struct MemoryNode: Sendable, Equatable {
    package let number: Int
    /// Its cores that this process may run on.
    package let cores: CoreSet

    /// Returns the nodes of the machine that have cores of a set, in the order of their numbers. Memory without cores
    /// is none of them; a kernel that knows no nodes has one.
    static func all(_ files: SystemFiles, allowed: CoreSet) -> [MemoryNode] {
        let folder = "/sys/devices/system/node"
        let nodes = files.names(in: folder).compactMap { name -> MemoryNode? in
            guard name.hasPrefix("node"), let number = Int(name.dropFirst(4)),
                let list = files.text("\(folder)/\(name)/cpulist"), let cores = CoreSet(list: list)
            else { return nil }
            return MemoryNode(number: number, cores: cores.intersection(allowed))
        }
        let used = nodes.filter { !$0.cores.isEmpty }.sorted { $0.number < $1.number }
        return used.isEmpty ? [MemoryNode(number: 0, cores: allowed)] : used
    }
}
