import PaliGemma
import ShardPlan
import Testing

@Suite("A deployment plan chooses worlds and ranks")
struct DeploymentPlanTests {
    private static let gigabyte = 1_000_000_000

    private func work(
        side: Int = 224, newTokens: Int = 20, elementSize: Int = 2, cacheBytes: Int = 2 << 30, batchRows: Int = 2304
    ) -> Workload {
        Workload(
            configuration: ShardPlanTests.model(side: side), elementSize: elementSize, newTokens: newTokens,
            batchRows: batchRows, cacheBytes: cacheBytes, sequences: 64, featureBytes: 512 << 20)
    }

    private func host(cores: Int = 8, memory: Int = 64, link: Double = 1.25e9) -> PlannedHost {
        PlannedHost(
            cores: cores, memory: memory * Self.gigabyte,
            rates: PlannedHost.Rates(linear: 100e9, attention: 60e9, memory: 40e9), link: link)
    }

    @Test("Where the model fits a host, every host has worlds of one rank of its own")
    func independentWorlds() throws {
        let plan = try DeploymentPlan(work(), hosts: 4, host())
        let best = try #require(plan.best)
        #expect(best.plan.ranks == 1 && best.worlds == 4 && best.idleHosts == 0)
        #expect(best.world.network == 0)
        #expect(abs(best.picturesPerHour - 4 * 3600 * best.world.picturesPerSecond) < 1e-6)
    }

    @Test("A model that no host can hold is split over as many as are needed, and the reason is in the list")
    func splitForMemory() throws {
        // 5.8 GB of weights on hosts of 5 GB.
        let plan = try DeploymentPlan(work(cacheBytes: 256 << 20), hosts: 4, host(memory: 5))
        let best = try #require(plan.best)
        #expect(best.placement.hostsPerWorld > 1)
        #expect(Double(best.world.hostMemory) <= DeploymentPlan.usableMemory * 5e9)
        let alone = try #require(plan.tooLarge.first { $0.plan.ranks == 1 })
        #expect(Double(alone.world.hostMemory) > DeploymentPlan.usableMemory * 5e9)
    }

    @Test("Hosts that can hold no part of the model have no plan")
    func nothingFits() throws {
        let plan = try DeploymentPlan(work(), hosts: 2, host(memory: 1))
        #expect(plan.best == nil && !plan.tooLarge.isEmpty)
        #expect(zip(plan.tooLarge, plan.tooLarge.dropFirst()).allSatisfy { $0.world.hostMemory <= $1.world.hostMemory })
    }

    @Test("A world of one rank takes the sum of its stages, by the rates of its cores and of its memory")
    func sumOfStages() throws {
        let (work, host) = (work(), host())
        let plan = try ShardPlan(ranks: 1, configuration: work.configuration)
        let world = WorldEstimate(work, plan: plan, on: host, placement: Placement())
        #expect(abs(world.picturesPerSecond * (world.vision + world.prefill + world.decode) - 1) < 1e-9)
        #expect(world.network == 0 && world.sequences == 64)
        let vision = work.configuration.vision
        let scores = Work.visionAttention(vision)
        let expected = 2 * (Work.vision(vision) - scores) / 800e9 + 2 * scores / 480e9
        #expect(abs(world.vision - expected) < 1e-9)
        // 19 steps read the weights once for 64 pictures and multiply for each.
        let weights = Work.decodedWeights(work.configuration.text)
        #expect(world.decode > 19 * (2 * weights / 40e9 / 64 + 2 * weights / 800e9))

        var faster = host
        faster.rates.linear *= 2
        #expect(WorldEstimate(work, plan: plan, on: faster, placement: Placement()).prefill < world.prefill)
        faster = host
        faster.cores *= 2
        let wide = WorldEstimate(work, plan: plan, on: faster, placement: Placement())
        #expect(abs(wide.vision * 2 - world.vision) < 1e-9)
    }

    @Test("Ranks that have cores of their own overlap their stages; ranks that share cores do not")
    func sharedCores() throws {
        let work = work()
        let plan = try ShardPlan(ranks: 2, configuration: work.configuration)
        let placement = Placement(ranksPerHost: 2)
        let own = WorldEstimate(work, plan: plan, on: host(cores: 8), placement: placement)
        #expect(abs(own.picturesPerSecond * max(own.vision, own.prefill + own.decode) - 1) < 1e-9)
        let shared = WorldEstimate(work, plan: plan, on: host(cores: 2), placement: placement)
        #expect(abs(shared.picturesPerSecond * (shared.vision + shared.prefill + shared.decode) - 1) < 1e-9)
    }

    @Test("A slower link costs a world of several hosts, and a world of one host nothing")
    func link() throws {
        let work = work(side: 896)
        let plan = try ShardPlan(ranks: 4, configuration: work.configuration)
        let placement = Placement(hostsPerWorld: 4)
        let fast = WorldEstimate(work, plan: plan, on: host(link: 3e9), placement: placement)
        let slow = WorldEstimate(work, plan: plan, on: host(link: 3e7), placement: placement)
        #expect(slow.network > fast.network && slow.picturesPerSecond < fast.picturesPerSecond)
        let one = Placement(ranksPerHost: 4)
        #expect(
            WorldEstimate(work, plan: plan, on: host(link: 3e7), placement: one)
                == WorldEstimate(work, plan: plan, on: host(link: 3e9), placement: one))
    }

    @Test("Worlds that share a host have its weights in memory once, and everything else each")
    func sharedWeights() throws {
        let work = work()
        let plan = try ShardPlan(ranks: 1, configuration: work.configuration)
        let memory = [1, 2, 3].map {
            WorldEstimate(work, plan: plan, on: host(), placement: Placement(worldsPerHost: $0)).hostMemory
        }
        #expect(memory[2] - memory[1] == memory[1] - memory[0])
        #expect(memory[1] - memory[0] < memory[0] / 2)
    }

    @Test("Every placement has a plan, no more hosts than there are, and no rank without a core")
    func placements() throws {
        for (hosts, cores) in [(1, 1), (1, 2), (3, 4), (20, 64)] {
            for placement in Placement.all(hosts: hosts, cores: cores) {
                #expect(placement.hostsPerWorld <= hosts && placement.ranks <= ShardPlan.maximumRanks)
                #expect(placement.worlds(on: hosts) >= 1)
                #expect(placement.worldsPerHost == 1 || placement.worldsPerHost * 2 <= cores)
            }
        }
    }

    @Test("Hosts without cores and rates that are no rates are refused")
    func refusals() {
        #expect(throws: PlanError.self) { try DeploymentPlan(work(), hosts: 0, host()) }
        #expect(throws: PlanError.self) { try DeploymentPlan(work(), hosts: 1, host(cores: 0)) }
        #expect(throws: PlanError.self) { try DeploymentPlan(work(), hosts: 1, host(link: 0)) }
    }
}
