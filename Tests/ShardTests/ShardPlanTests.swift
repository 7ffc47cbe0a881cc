import PaliGemma
import ShardPlan
import Testing

@Suite("The plan of a world")
struct ShardPlanTests {
    static func model(side: Int, heads: Int = 8, keyValueHeads: Int = 1, mlp: Int = 16384, vocabulary: Int = 257_216)
        -> ModelConfiguration
    {
        ModelConfiguration(
            vision: VisionConfiguration(width: 1152, mlpWidth: 4304, layers: 27, heads: 16, patch: 14, imageSize: side),
            text: TextConfiguration(
                width: 2048, mlpWidth: mlp, layers: 18, heads: heads, keyValueHeads: keyValueHeads, headWidth: 256,
                vocabulary: vocabulary),
            imageToken: 257_152)
    }

    @Test("Work equals the figures of the specification")
    func work() {
        let large = Self.model(side: 896)
        #expect(abs(2 * Work.vision(large.vision) / 1e9 - 5460.39) < 0.01)
        #expect(abs(2 * Work.prefill(rows: 4112, large.text) / 1e9 - 18792.7) < 0.1)
        #expect(abs(2 * Work.decode(keys: 272, large.text) / 1e9 - 5.057) < 0.001)
    }

    @Test("Four ranks at 896 px are one for vision and three for Gemma, with 3, 3 and 2 heads")
    func fourRanks() throws {
        let plan = try ShardPlan(ranks: 4, configuration: Self.model(side: 896))
        #expect(plan.visionRanks == 1)
        #expect(plan.slices.map(\.queryHeads) == [0..<3, 3..<6, 6..<8])
        // The rank with fewer heads takes more columns; all take whole tiles.
        #expect(plan.slices[2].mlp.count > plan.slices[0].mlp.count)
        #expect(plan.slices.allSatisfy { $0.mlp.lowerBound % 32 == 0 })
        #expect(plan.slice(of: 0) == nil && plan.slice(of: 1) == plan.slices[0])
    }

    @Test("One rank does everything, and of two each has a stage")
    func smallWorlds() throws {
        let one = try ShardPlan(ranks: 1, configuration: Self.model(side: 224))
        #expect(one.encodesPictures(0) && one.slice(of: 0) == TextSlice(whole: Self.model(side: 224).text))
        let two = try ShardPlan(ranks: 2, configuration: Self.model(side: 224))
        #expect(two.visionRanks == 1 && two.textRanks == 1 && !two.encodesPictures(1) && two.firstTextRank == 1)
    }

    @Test("Every slicing covers every dimension once, whatever divides", arguments: 1...16)
    func coverage(ranks: Int) throws {
        for (heads, keyValueHeads, mlp, vocabulary) in [
            (8, 1, 16384, 257_216), (5, 1, 211, 1792), (6, 2, 100, 1571), (16, 2, 7, 3), (1, 1, 1, 1),
            (32, 16, 36864, 5),
        ] {
            let model = Self.model(
                side: 224, heads: heads, keyValueHeads: keyValueHeads, mlp: mlp, vocabulary: vocabulary)
            let plan = try ShardPlan(ranks: ranks, configuration: model)
            #expect(
                plan.visionRanks >= 1 && plan.ranks == max(1, plan.visionRanks + plan.textRanks - (ranks == 1 ? 1 : 0)))
            for (dimension, total) in [(\TextSlice.queryHeads, heads), (\.mlp, mlp), (\.vocabulary, vocabulary)] {
                var position = 0
                for slice in plan.slices {
                    #expect(slice[keyPath: dimension].lowerBound == position)
                    position = slice[keyPath: dimension].upperBound
                }
                #expect(position == total)
            }
        }
    }

    @Test("A rank keeps the key/value heads that its query heads attend with, and no others", arguments: 1...16)
    func keyValueHeads(ranks: Int) throws {
        for (heads, keyValueHeads) in [(8, 4), (16, 8), (32, 16), (9, 3), (6, 3), (8, 1)] {
            let model = Self.model(side: 224, heads: heads, keyValueHeads: keyValueHeads)
            for slice in try ShardPlan(ranks: ranks, configuration: model).slices {
                let asked = Set(slice.queryHeads.map { $0 / (heads / keyValueHeads) })
                #expect(Set(slice.keyValueHeads(model.text)) == asked)
            }
        }
    }

    @Test("More vision ranks are taken only where they shorten the longer stage")
    func balance() throws {
        var towerHeavy = Self.model(side: 896)
        towerHeavy.text.layers = 2
        #expect(try ShardPlan(ranks: 8, configuration: towerHeavy).visionRanks > 3)
        #expect(try ShardPlan(ranks: 8, configuration: Self.model(side: 896)).visionRanks == 2)
        #expect(try ShardPlan(ranks: 5, configuration: towerHeavy, visionRanks: 3).textRanks == 2)
    }

    @Test("A number of ranks without a plan is refused")
    func refusals() {
        let model = Self.model(side: 224)
        #expect(throws: PlanError.self) { try ShardPlan(ranks: 0, configuration: model) }
        #expect(throws: PlanError.self) { try ShardPlan(ranks: 17, configuration: model) }
        #expect(throws: PlanError.self) { try ShardPlan(ranks: 4, configuration: model, visionRanks: 4) }
        #expect(throws: PlanError.self) { try ShardPlan(ranks: 2, configuration: model, visionRanks: 0) }
    }

    @Test("Every row of a prefill is owned once and is cut into the same number of chunks on every rank")
    func rows() {
        let cases = [
            (4112, 3, 1024), (1, 8, 1024), (7, 3, 2), (272, 1, 1024), (2100, 16, 64), (2176, 3, 1024), (4112, 1, 1024),
        ]
        for ((total, ranks, block), split) in cases.flatMap({ entry in
            PrefillCut.Split.allCases.map { (entry, $0) }
        }) {
            let cut = PrefillCut(split: split, blockRows: block, minimumRows: 1)
            let rows = PrefillRows(total: total, ranks: ranks, cut: cut)
            var owned: [Int] = []
            for rank in 0..<ranks {
                for block in 0..<rows.blocks { owned += Array(rows.chunk(block, of: rank)) }
                for row in rows.owned(by: rank) { #expect(rows.owner(of: row) == rank) }
            }
            #expect(owned == Array(0..<total))
            for block in 0..<rows.blocks {
                #expect(zip(rows.placed(block), 0..<ranks).allSatisfy { $0.count == rows.chunk(block, of: $1).count })
            }
        }
    }

    @Test("A prefill is split by rows where each rank has enough of them, else by columns")
    func split() {
        let large = PrefillRows(total: 4112, ranks: 3)
        #expect(large.split == .rows && large.blocks == 2)
        #expect(large.chunk(1, of: 0).count * 3 < large.chunk(0, of: 0).count * 3 / 2)
        #expect(PrefillRows(total: 272, ranks: 3).split == .columns)
        #expect(PrefillRows(total: 272, ranks: 1).split == .rows)
        #expect(PrefillRows(total: 4112, ranks: 3, cut: PrefillCut(split: .columns)).split == .columns)
    }
}
