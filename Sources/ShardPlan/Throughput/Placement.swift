/// Where worlds and their ranks are: several worlds on each host, or one world over several hosts.
package struct Placement: Sendable, Hashable {
    /// Hosts of one world.
    package let hostsPerWorld: Int
    /// Worlds of one host; 1 where a world has several hosts.
    package let worldsPerHost: Int
    /// Ranks of one world on each of its hosts.
    package let ranksPerHost: Int

    package init(hostsPerWorld: Int = 1, worldsPerHost: Int = 1, ranksPerHost: Int = 1) {
        self.hostsPerWorld = hostsPerWorld
        self.worldsPerHost = worldsPerHost
        self.ranksPerHost = ranksPerHost
    }

    /// Ranks of one world.
    package var ranks: Int { hostsPerWorld * ranksPerHost }

    /// Returns the number of worlds on some hosts.
    package func worlds(on hosts: Int) -> Int { hosts / hostsPerWorld * worldsPerHost }

    /// Returns the placements that make sense on some hosts.
    package static func all(hosts: Int, cores: Int) -> [Placement] {
        let several = [1, 2, 4, 8, 16, 32, 64].filter { $0 <= max(1, cores / 2) || $0 == 1 }
        var placements = several.map { Placement(worldsPerHost: $0) }
        for hostsPerWorld in 1...max(1, min(hosts, ShardPlan.maximumRanks)) {
            for ranksPerHost in 1...4 where hostsPerWorld * ranksPerHost > 1 {
                let placement = Placement(hostsPerWorld: hostsPerWorld, ranksPerHost: ranksPerHost)
                if placement.ranks <= ShardPlan.maximumRanks { placements.append(placement) }
            }
        }
        return placements
    }
}
