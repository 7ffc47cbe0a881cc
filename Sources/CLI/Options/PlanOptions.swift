import ArgumentParser
import PaliGemma
import ShardPlan

/// How a model is split among processes.
struct PlanOptions: ParsableArguments {
    @Option(
        help: Variable.ranks.help("Processes that share the model.", default: "what is best here", valueName: "count"))
    var ranks: Int?

    @Option(
        help: Variable.visionRanks.help(
            "How many of them encode pictures.", default: "what the plan finds", valueName: "count"))
    var visionRanks: Int?

    func resolved(for configuration: ModelConfiguration) throws -> ShardPlan {
        try ShardPlan(
            ranks: try Variable.ranks.value(ranks) ?? LocalMachine.bestRanks, configuration: configuration,
            visionRanks: try Variable.visionRanks.value(visionRanks))
    }
}

/// How a world's processes share the machine.
struct ThreadOptions: ParsableArguments {
    @Option(
        help: Variable.threads.help(
            "Compute threads of a rank.", default: "its share of the cores", valueName: "count"))
    var threads: Int?

    /// Nil where a rank is to take its share of the cores.
    func resolved() throws -> String? { try Variable.threads.count(threads, option: "--threads") }
}
