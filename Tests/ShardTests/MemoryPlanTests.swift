import PaliGemma
import ShardPlan
import Testing

@Suite("The memory of a host")
struct MemoryPlanTests {
    private static let maxima = MemoryPlan.Maxima(keyValueBudget: 2 << 30, featureCache: 512 << 20, batchRows: 2304)
    private static let checkpoint = 5_900_000_000

    private func plans(gigabytes: Double, ranks: Int, side: Int = 224, on host: [Int]? = nil) throws -> [MemoryPlan] {
        let model = ShardPlanTests.model(side: side)
        let plan = try ShardPlan(ranks: ranks, configuration: model)
        let here = host ?? Array(0..<ranks)
        let machine = MemoryPlan.Host(
            memory: Int(gigabytes * 1e9), ranks: here, plan: plan, configuration: model, elementSize: 2,
            checkpoint: Self.checkpoint)
        return here.map {
            MemoryPlan(
                machine, Self.maxima, rank: $0, of: plan, configuration: model, elementSize: 2, cut: PrefillCut())
        }
    }

    @Test("With memory enough everything is as usual", arguments: [1, 2, 4])
    func enough(ranks: Int) throws {
        for plan in try plans(gigabytes: 24, ranks: ranks) {
            #expect(plan.keyValueBudget == 2 << 30 && plan.featureCache == 512 << 20 && plan.batchRows == 2304)
            #expect(plan.largestPictureBytes > 178_956_970 * 8)
        }
    }

    @Test(
        "What all ranks of a host take together stays within what it has", arguments: [1, 2, 4, 8], [0.6, 2, 4, 8, 12])
    func within(ranks: Int, gigabytes: Double) throws {
        for side in [224, 896] {
            let model = ShardPlanTests.model(side: side)
            let plan = try ShardPlan(ranks: ranks, configuration: model)
            var total = 0
            for (rank, memory) in try plans(gigabytes: gigabytes, ranks: ranks, side: side).enumerated() {
                #expect(memory.keyValueBudget > 0 && memory.featureCache >= 0)
                #expect(memory.batchRows >= min(2304, model.vision.tokens + 64))
                total += plan.holdsText(rank) ? memory.keyValueBudget : 0
                total += plan.encodesPictures(rank) ? memory.featureCache : 0
                total += rank == 0 ? memory.pictureBytes : 0
            }
            #expect(Double(total) <= 0.75 * gigabytes * 1e9)
        }
    }

    @Test("A prefill is by rows where Gemma's weights fill no more than half of the memory")
    func rows() throws {
        let model = ShardPlanTests.model(side: 224)
        let plan = try ShardPlan(ranks: 3, configuration: model)
        func host(_ bytes: Int) -> MemoryPlan.Host {
            MemoryPlan.Host(
                memory: bytes, ranks: [0, 1, 2], plan: plan, configuration: model, elementSize: 2,
                checkpoint: Self.checkpoint)
        }
        let weights = RankMemory.textWeights(model.text, elementSize: 2)
        #expect((4_900_000_000...5_100_000_000).contains(weights))
        #expect(host(2 * weights).keepsTextWeights && !host(2 * weights - 2).keepsTextWeights)
    }

    @Test("Ranks of one host share what ranks of several hosts have for themselves")
    func hosts() throws {
        let together = try plans(gigabytes: 8, ranks: 4)
        let alone = try plans(gigabytes: 8, ranks: 4, on: [1])
        #expect(3 * together[1].keyValueBudget <= alone[0].keyValueBudget + 3)
    }

    @Test("No memory at all gives the least of everything")
    func none() throws {
        for plan in try plans(gigabytes: 0, ranks: 4) {
            #expect(plan.keyValueBudget == 1 && plan.featureCache == 0 && plan.batchRows == 320)
        }
    }
}
