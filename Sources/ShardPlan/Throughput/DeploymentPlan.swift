/// Which worlds of how many ranks caption most an hour on some hosts.
package struct DeploymentPlan: Sendable {
    /// One way to use the hosts.
    package struct Candidate: Sendable {
        package let placement: Placement
        package let plan: ShardPlan
        package let worlds: Int
        package let world: WorldEstimate
        /// Hosts without a world.
        package let idleHosts: Int

        package var picturesPerHour: Double { Double(worlds) * world.picturesPerSecond * 3600 }
    }

    /// The share of a host's memory that its worlds may use: the rest is the system's.
    package static let usableMemory = 0.9
    /// Candidates that reach this share of the best one count as equally fast.
    private static let tie = 0.98

    /// Those that fit into the memory of the hosts, the best first.
    package let candidates: [Candidate]
    /// Those that do not, the one that needs least first.
    package let tooLarge: [Candidate]

    /// - Throws: ``PlanError`` where there are no hosts or they have no cores, or a rate is not positive.
    package init(_ work: Workload, hosts: Int, _ host: PlannedHost) throws(PlanError) {
        guard hosts >= 1, host.cores >= 1 else { throw PlanError("at least one host with a core is needed") }
        let rates = [host.rates.linear, host.rates.attention, host.rates.memory, host.link]
        guard rates.allSatisfy({ $0 > 0 && $0.isFinite }) else { throw PlanError("every rate of a host is above 0") }
        var (fitting, tooLarge): ([Candidate], [Candidate]) = ([], [])
        for placement in Placement.all(hosts: hosts, cores: host.cores) {
            let plan = try ShardPlan(ranks: placement.ranks, configuration: work.configuration)
            let world = WorldEstimate(work, plan: plan, on: host, placement: placement)
            let candidate = Candidate(
                placement: placement, plan: plan, worlds: placement.worlds(on: hosts), world: world,
                idleHosts: hosts % placement.hostsPerWorld)
            if Double(world.hostMemory) <= Self.usableMemory * Double(host.memory) {
                fitting.append(candidate)
            } else {
                tooLarge.append(candidate)
            }
        }
        // What is simpler wins where the difference is much less than the estimate's error.
        let enough = Self.tie * (fitting.map(\.picturesPerHour).max() ?? 0)
        let best = fitting.filter { $0.picturesPerHour >= enough }
            .sorted { ($0.plan.ranks, $0.worlds) < ($1.plan.ranks, $1.worlds) }
        let others = fitting.filter { $0.picturesPerHour < enough }
        candidates = best + others.sorted { $0.picturesPerHour > $1.picturesPerHour }
        self.tooLarge = tooLarge.sorted { $0.world.hostMemory < $1.world.hostMemory }
    }

    package var best: Candidate? { candidates.first }
}
