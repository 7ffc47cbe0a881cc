import CMachine

/// Which cores each rank of a host keeps to, where the host has several NUMA nodes: those of one node, or of an equal
/// share of the nodes. What a rank then allocates lies in the memory of its node, because the kernel gives a page of
/// the node whose core touches it first.
package enum NodeBinding {
    /// The smallest node may have this share of the cores of the largest; with less, equal parts of the work would take
    /// too long on it.
    private static let minimumEvenness = 0.75

    /// Returns the cores of a rank; nil where ranks shall not be bound: on one node, or where the ranks do not fit the
    /// nodes evenly, or would have less than two cores each.
    ///
    /// Ranks follow the nodes in turn (0, 1, 0, 1), so that a first rank that encodes pictures does not share its node
    /// with more Gemma ranks than the others have. Where there are more nodes than ranks, each rank has neighbors.
    ///
    /// - Parameters:
    ///   - rank: among the ranks of this host, from 0.
    ///   - ranks: of this host.
    package static func cores(ofRank rank: Int, of ranks: Int, on machine: MachineLimits) -> CoreSet? {
        let nodes = machine.nodes
        guard ranks > 1, nodes.count > 1, (0..<ranks).contains(rank) else { return nil }
        let counts = nodes.map { $0.cores.count }
        guard let smallest = counts.min(), let largest = counts.max(),
            Double(smallest) >= minimumEvenness * Double(largest)
        else { return nil }
        if ranks % nodes.count == 0 {
            return smallest * nodes.count / ranks >= 2 ? nodes[rank % nodes.count].cores : nil
        }
        guard nodes.count % ranks == 0 else { return nil }
        let share = nodes.count / ranks
        guard smallest * share >= 2 else { return nil }
        return nodes[rank * share..<(rank + 1) * share].reduce(CoreSet()) { $0.union($1.cores) }
    }

    /// The maximum number of ranks that are started without being asked for: with each of them more has to be sent.
    private static let maximumRanks = 8

    /// Returns the number of ranks for this machine: one for each NUMA node, because within a node all cores share a
    /// rank's work without sending anything, and across nodes a rank's data should lie in its own memory. Where there
    /// are many nodes, a rank has several; where the nodes do not serve ranks evenly, or the container's quota does not
    /// leave each two cores, there is one.
    package static func bestRanks(on machine: MachineLimits) -> Int {
        let nodes = machine.nodes.count
        let fitting = (1...max(1, min(nodes, maximumRanks))).filter { ranks in
            nodes % ranks == 0 && cores(ofRank: 0, of: ranks, on: machine) != nil && machine.cores / ranks >= 2
        }
        return fitting.max() ?? 1
    }

    /// Keeps the calling thread, and the threads that it starts from now on, to cores.
    ///
    /// - Throws: where the kernel refuses.
    package static func run(on cores: CoreSet) throws(SystemError) {
        let failure = pg_run_on_cores(cores.words, cores.words.count)
        guard failure == 0 else { throw SystemError(failure) }
    }
}
