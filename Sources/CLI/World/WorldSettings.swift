import PaliGemma
import ShardPlan
import WorkerInterface

/// What a world is started with.
struct WorldSettings {
    /// The options of the ranks, besides those that the plan and the command settle.
    var worker: WorkerSettings
    var configuration: ModelConfiguration
    var plan: ShardPlan
}
