import PaliGemma
import ShardPlan

/// What a run would do: pictures, bytes, the plan and what each rank would hold.
struct RunForecast {
    let settings: WorldSettings
    let submission: Submission

    var text: String {
        let jobs = submission.summary.added
        var lines = [
            "jobs      \(jobs)" + (submission.faults > 0 ? ", \(submission.faults) described wrongly" : ""),
            "pictures  \(submission.pictures), \(ByteCount.text(Int(submission.bytes)))",
            "model     \(settings.model)",
        ]
        lines += PlanReport.lines(plan: settings.plan, configuration: settings.configuration, elementSize: 2)
        return lines.joined(separator: "\n")
    }
}

/// A plan, rank by rank.
enum PlanReport {
    /// - Parameter elementSize: bytes of a stored weight.
    static func lines(plan: ShardPlan, configuration: ModelConfiguration, elementSize: Int) -> [String] {
        var lines = ["plan      \(plan.ranks) ranks: \(plan.visionRanks) for vision, \(plan.textRanks) for Gemma"]
        if plan.ranks == 1 { lines = ["plan      one process for vision and Gemma"] }
        for rank in 0..<plan.ranks {
            let memory = RankMemory(
                plan: plan, rank: rank, configuration: configuration, elementSize: elementSize,
                rows: configuration.vision.tokens + 64)
            lines.append(
                "rank \(rank)".padded(to: 10) + work(of: rank, plan).padded(to: 52)
                    + "\(ByteCount.text(memory.weightsRead)) of weights, \(ByteCount.text(memory.activations)) of buffers"
                    + (memory.cachePerToken > 0 ? ", \(ByteCount.text(memory.cachePerToken)) a token of K/V" : ""))
        }
        return lines
    }

    private static func work(of rank: Int, _ plan: ShardPlan) -> String {
        var parts: [String] = []
        if rank == 0 { parts.append("Coordinator") }
        if plan.encodesPictures(rank) { parts.append("vision") }
        if let slice = plan.slice(of: rank) {
            parts += ["heads \(text(slice.queryHeads))", "MLP \(text(slice.mlp))"]
            parts.append("vocabulary \(text(slice.vocabulary))")
        }
        return parts.joined(separator: ", ")
    }

    /// A range with its ends, or a word where it is empty.
    private static func text(_ range: Range<Int>) -> String {
        range.isEmpty ? "none" : "\(range.lowerBound)-\(range.upperBound - 1)"
    }
}

enum ByteCount {
    /// In the unit that fits: "12.3 MB".
    static func text(_ bytes: Int) -> String {
        let units = ["bytes", "kB", "MB", "GB", "TB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1000 && unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(bytes) bytes" : "\((value * 10).rounded() / 10) \(units[unit])"
    }
}
