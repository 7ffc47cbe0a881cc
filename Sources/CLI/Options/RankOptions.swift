import ArgumentParser
import PaliGemma
import ShardPlan

/// How many processes share a model, and how they share the machine.
struct RankOptions: ParsableArguments {
    @Option(
        help: Variable.ranks.help("Processes that share the model.", default: "what is best here", valueName: "count"))
    var ranks: Int?

    @Option(
        help: Variable.visionRanks.help(
            "How many of them encode pictures.", default: "what the plan finds", valueName: "count"))
    var visionRanks: Int?

    @Option(
        help: Variable.threads.help(
            "Compute threads of a rank.", default: "its share of the cores", valueName: "count"))
    var threads: Int?

    /// Who holds what of a model.
    func plan(of configuration: ModelConfiguration) throws -> ShardPlan {
        try ShardPlan(
            ranks: try Variable.ranks.value(ranks) ?? LocalMachine.bestRanks, configuration: configuration,
            visionRanks: try Variable.visionRanks.value(visionRanks))
    }

    /// Threads of each rank; nil where it is to take its share of the cores.
    func threadsPerRank() throws -> String? { try Variable.threads.count(threads, option: "--threads") }
}
