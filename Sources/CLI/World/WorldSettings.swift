import PaliGemma
import ShardPlan
import WorkerInterface

/// What a world is started with.
struct WorldSettings {
    /// What the ranks are told, besides what the plan and the command settle.
    var worker: WorkerSettings
    var configuration: ModelConfiguration
    var plan: ShardPlan
}
