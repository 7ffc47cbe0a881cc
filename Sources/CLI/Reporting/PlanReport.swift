import Base
import PaliGemma
import ShardPlan

/// Describes a plan rank by rank.
enum PlanReport {
    /// Returns a line of a report: a label, and a text.
    static func row(_ label: String, _ text: String) -> String {
        label.padded(to: 13) + text
    }

    /// Returns the lines that describe this machine: what it has for a world, and what limits that.
    static func lines(about machine: MachineLimits) -> [String] {
        let parts = [
            machine.cores.counted("core"), "\(ByteCount.text(machine.memory)) of memory",
            machine.nodes.count.counted("NUMA node"),
        ]
        return [row("machine", parts.joined(separator: ", "))]
            + machine.descriptions.map { row("limited to", $0) }
    }

    /// Returns the lines that describe a plan.
    ///
    /// - Parameters:
    ///   - elementSize: bytes of a stored weight.
    ///   - split: of prefills.
    static func lines(
        plan: ShardPlan, configuration: ModelConfiguration, elementSize: Int, split: PrefillCut.Split = .rows
    ) -> [String] {
        let whole = "\(plan.ranks) ranks: \(plan.visionRanks) for vision, \(plan.textRanks) for Gemma"
        var lines = [row("plan", plan.ranks == 1 ? "one process for vision and Gemma" : whole)]
        let width = (0..<plan.ranks).map { work(of: $0, plan, configuration.text).count }.max() ?? 0
        for rank in 0..<plan.ranks {
            let memory = RankMemory(
                plan: plan, rank: rank, configuration: configuration, elementSize: elementSize,
                rows: configuration.vision.tokens + 64, cut: PrefillCut(split: split))
            lines.append(
                row("rank \(rank)", work(of: rank, plan, configuration.text).padded(to: width + 2))
                    + "\(ByteCount.text(memory.weightsRead)) of weights, \(ByteCount.text(memory.activations)) of buffers"
                    + (memory.cachePerToken > 0 ? ", \(ByteCount.text(memory.cachePerToken)) of KV cache a token" : ""))
        }
        return lines
    }

    private static func work(of rank: Int, _ plan: ShardPlan, _ model: TextConfiguration) -> String {
        var parts: [String] = []
        if rank == 0 { parts.append("Coordinator") }
        if plan.encodesPictures(rank) { parts.append("vision") }
        if let slice = plan.slice(of: rank) {
            let kept = model.keyValueHeads > 1 ? " on key/value heads \(text(slice.keyValueHeads(model)))" : ""
            parts += ["heads \(text(slice.queryHeads))\(kept)", "MLP \(text(slice.mlp))"]
            parts.append("vocabulary \(text(slice.vocabulary))")
        }
        return parts.joined(separator: ", ")
    }

    /// Returns a range with its ends, or "none" where it is empty.
    private static func text(_ range: Range<Int>) -> String {
        range.isEmpty ? "none" : "\(range.lowerBound)-\(range.upperBound - 1)"
    }
}
