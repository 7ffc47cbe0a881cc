import ArgumentParser
import Base
import PaliGemma
import ShardPlan
import WorkerInterface

/// How a model is split among processes.
struct PlanOptions: ParsableArguments {
    /// The options of a plan that a worker has too.
    enum Stages: OptionSelection {
        typealias Table = WorkerOptions
        static let options = WorkerOptions.options(in: .plan)
    }

    @Option(
        help: Variable.ranks.help(
            "Processes that share the model.", default: "one for each NUMA node", valueName: "count"))
    var ranks: Int?

    @OptionGroup var stages: OptionFlags<Stages>

    /// - Throws: where a flag or variable has no such value, or the model cannot be split so.
    func resolved(for configuration: ModelConfiguration) throws -> ShardPlan {
        try ShardPlan(
            ranks: try Variable.ranks.value(ranks) ?? NodeBinding.bestRanks(on: .current), configuration: configuration,
            visionRanks: try stages.values().visionRanks)
    }
}
