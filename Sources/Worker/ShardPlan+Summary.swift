import PaliGemma
import ShardPlan

extension ShardPlan {
    /// Describes in one line which rank does what, and with what.
    func summary(_ parts: ModelParts, _ compute: RankCompute, _ launch: Launch) -> String {
        let limits = launch.machine.descriptions + compute.budgets.reductions
        return ([work(parts, compute, launch)] + limits).joined(separator: "; ")
    }

    private func work(_ parts: ModelParts, _ compute: RankCompute, _ launch: Launch) -> String {
        let model = "\(parts.name), \(parts.configuration.vision.imageSize) px"
        let each =
            (compute.threads == 1 ? "1 thread a rank" : "\(compute.threads) threads a rank")
            + (compute.lock != nil ? ", one rank at a time" : "")
            + (launch.isBoundToNode ? ", each rank bound to its part of \(launch.machine.nodes.count) NUMA nodes" : "")
        if ranks == 1 { return "\(model): one rank does everything, \(each)" }
        let vision = visionRanks == 1 ? "rank 0 encodes pictures" : "ranks 0-\(visionRanks - 1) encode pictures"
        let text =
            textRanks == 1
            ? "rank \(firstTextRank) holds Gemma" : "ranks \(firstTextRank)-\(ranks - 1) hold Gemma together"
        return "\(model): \(vision), \(text), \(each)"
    }
}
