import ArgumentParser
import PaliGemma
import Pictures
import ShardPlan
import WorkerInterface

/// The model that a command works with.
enum ModelSelection: OptionSelection {
    typealias Table = WorkerOptions
    static let options = WorkerOptions.options(in: .model)
}

/// How a world of pg-worker computes: what `run` and `bench` hand on to it.
struct WorldOptions: ParsableArguments {
    enum Computing: OptionSelection {
        typealias Table = WorkerOptions
        static let options = WorkerOptions.options(in: .world)
    }

    @OptionGroup var plan: PlanOptions
    @OptionGroup var computing: OptionFlags<Computing>

    /// Settles how a world is started: flags, variables, defaults.
    ///
    /// - Parameter model: the model's directory.
    /// - Throws: where a flag or variable has no such value, or the model cannot be split so.
    func resolved(model: String, configuration: ModelConfiguration) throws -> WorldSettings {
        var worker = try computing.values()
        worker.model = model
        // What is no adapter is reported before anything is begun.
        _ = try AdapterSet(options: worker.adapters)
        return WorldSettings(
            worker: worker, configuration: configuration, plan: try plan.resolved(for: configuration))
    }
}
