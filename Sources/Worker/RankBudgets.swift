import Base
import PaliGemma
import Shard
import ShardPlan
import WorkerInterface

/// What this rank takes of its host's memory: what was asked for, or else what the memory of all hosts allows.
struct RankBudgets {
    /// The KV cache of a rank in bytes, the same on all ranks.
    let keyValueBudget: Int
    /// The features that a vision rank keeps, in bytes.
    let featureCache: Int
    /// Rows of a micro-batch, the same on all ranks.
    let batchRows: Int
    let plan: MemoryPlan
    /// What is less than usual because of the memory, for people; empty where nothing is.
    let reductions: [String]

    /// Settles it with the other ranks, all of which must do so at the same time.
    ///
    /// - Throws: `ShardError` where the world is gone.
    init(
        _ settings: WorkerSettings, _ parts: ModelParts, _ loop: RankLoop, _ host: MemoryPlan.Host, _ cut: PrefillCut
    ) throws {
        let plan = MemoryPlan(
            host,
            MemoryPlan.Maxima(
                keyValueBudget: settings.keyValueBudget, featureCache: settings.featureCache,
                batchRows: settings.effectiveBatchRows),
            rank: loop.rank, of: parts.plan, configuration: parts.configuration,
            elementSize: parts.checkpoint.elementSize(in: settings.precision), cut: cut)
        self.plan = plan
        // What was asked for holds, whatever the memory.
        let keyValueBudget = try loop.minimum(
            settings.isGiven(\.keyValueBudget) ? settings.keyValueBudget : plan.keyValueBudget)
        let batchRows = try loop.minimum(
            settings.isGiven(\.batchRows) ? settings.effectiveBatchRows : plan.batchRows)
        featureCache = settings.isGiven(\.featureCache) ? settings.featureCache : plan.featureCache
        var reductions: [String] = []
        if keyValueBudget < settings.keyValueBudget {
            reductions.append("\(keyValueBudget >> 20) MB of KV cache a rank")
        }
        if batchRows < settings.effectiveBatchRows { reductions.append("\(batchRows) rows a micro-batch") }
        if featureCache < settings.featureCache { reductions.append("\(featureCache >> 20) MB of feature cache") }
        (self.keyValueBudget, self.batchRows, self.reductions) = (keyValueBudget, batchRows, reductions)
    }
}
