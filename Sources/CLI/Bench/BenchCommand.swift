import ArgumentParser
import Base
import Foundation
import Measure
import PaliGemma
import ShardPlan
import Tensor
import WorkerInterface

/// Measures the whole software at a real model's size.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how near to this machine's limit a full-size model runs.",
        discussion: """
            Captions random pictures with a full-size model of random numbers, which is made once and kept, through \
            the same world as `paligemma run`: queue, mpirun, frames. The limits are measured in the same run, before \
            and after, on the same cores: what the processor's multiplying units give from registers, and plain reads \
            of memory; beside them OpenBLAS's best sgemm. Only multiplications and additions that were executed are \
            counted. `paligemma bench kernels` measures single \
            kernels.

              paligemma bench --shape 3b-224
              paligemma bench --shape 3b-896 --ranks 4 --json
              paligemma bench --shape 3b-448 --steady
            """,
        subcommands: [KernelsCommand.self, LimitCommand.self])

    @Option(
        help: Variable.shape.help(
            "One of \(RandomModel.shapeNames.joined(separator: ", ")).", valueName: "shape"))
    var shape: String?

    @OptionGroup(title: "World") var world: WorldOptions

    @Option(
        help: Variable.batch.help(
            "Pictures that are captioned.", default: "as many as a micro-batch holds", valueName: "count"))
    var batch: Int?

    @Option(help: Variable.newTokens.help("Tokens of each answer.", default: "20", valueName: "count"))
    var newTokens: Int?

    @Option(help: Variable.layers.help("Maximum number of layers of each tower.", default: "all", valueName: "count"))
    var layers: Int?

    @Option(
        help: Variable.modelCache.help(
            "Where the random models are kept.", default: "~/.cache/paligemma/random-models", valueName: "dir"))
    var modelCache: String?

    @Flag(
        help: Variable.steady.help(
            "Measure the steady state of a stream of pictures: pictures an hour, without ramp-up and drain."))
    var steady = false

    @Option(
        help: Variable.steadySeconds.help(
            "How long the steady state is measured; at least as many pictures are answered as decode together.",
            default: "60, and until twice as many pictures as decode together are answered",
            valueName: "seconds"))
    var steadySeconds: Double?

    @Flag(help: Variable.json.help("One JSON object for programs."))
    var json = false

    func run() throws {
        let settings = try resolved()
        let asJSON = try Variable.json.isOn(json)
        if let length = try steadyLength(settings) { return try runSteady(settings, length, asJSON: asJSON) }
        // What is missing is reported before a model is written.
        var command = try WorldCommand(settings.world, queue: "")
        try RandomModelCache.provide(settings.model, at: settings.world.worker.model)

        Console.writeLine(
            "measuring the limit of \(settings.coresUsed == 1 ? "one core" : "\(settings.coresUsed) cores")")
        let coreType = try SgemmCoreType.best(threads: settings.coresUsed, beside: Kernels.current.name)
        var limits = [try settings.measureLimits(coreType)]
        let folder = try BenchFolder()
        command = try WorldCommand(settings.world(reportingTo: folder.report), queue: folder.queue)
        let report = try BenchWorld(settings, folder).run(command)
        Console.writeLine("measuring the limit again")
        limits.append(try settings.measureLimits(coreType))

        let result = try BenchResult(settings: settings, report: report, limits: limits, coreType: coreType)
        print(asJSON ? result.json : BenchTable(result).text)
    }

    /// How long a steady state is measured; nil where none is asked for.
    private func steadyLength(_ settings: BenchSettings) throws -> SteadyWorld.Length? {
        let seconds = try Variable.steadySeconds.value(steadySeconds)
        if let seconds, !(seconds > 0 && seconds <= 1e6) {
            throw ValidationError("'--steady-seconds' is \(seconds); seconds from 0 to a million are expected.")
        }
        guard try Variable.steady.isOn(steady) else {
            guard steadySeconds == nil else { throw ValidationError("'--steady-seconds' is for '--steady'.") }
            return nil
        }
        guard batch == nil else {
            throw ValidationError("'--batch' is a number of pictures; '--steady' takes as many as it needs.")
        }
        if let seconds { return SteadyWorld.Length(seconds: seconds, pictures: settings.maximumSequences) }
        return SteadyWorld.Length(seconds: 60, pictures: 2 * settings.maximumSequences)
    }

    private func runSteady(_ settings: BenchSettings, _ length: SteadyWorld.Length, asJSON: Bool) throws {
        _ = try WorldCommand(settings.world, queue: "")
        try RandomModelCache.provide(settings.model, at: settings.world.worker.model)
        let folder = try BenchFolder()
        let command = try WorldCommand(
            settings.world(
                reportingTo: folder.report, timeline: settings.world.worker.timeline ?? folder.timeline),
            queue: folder.queue, endsWhenEmpty: false)
        let (state, report) = try SteadyWorld(settings, folder, length).run(command)
        let result = SteadyResult(settings, state, report)
        print(asJSON ? result.json : result.text)
    }

    private func resolved() throws -> BenchSettings {
        let shape = try Variable.shape.required(shape, option: "--shape")
        let layers = try Variable.layers.value(layers)
        let model: RandomModel
        do {
            model = try RandomModel(shape: shape, layers: layers)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
        let batch = try Variable.batch.count(batch, option: "--batch")
        let newTokens = try Variable.newTokens.count(newTokens, option: "--new-tokens")
        let cache = try Variable.modelCache.value(modelCache) ?? RandomModelCache.folder
        let name = shape + (layers.map { "-\($0)-layers" } ?? "")
        let world = try self.world.resolved(model: cache + "/" + name, configuration: model.configuration)

        let perMicroBatch = max(
            1, world.worker.effectiveBatchRows / (model.configuration.vision.tokens + BenchSettings.promptRows))
        return BenchSettings(
            shape: shape, model: model, pictures: batch ?? perMicroBatch, picturesPerMicroBatch: perMicroBatch,
            newTokens: newTokens ?? 20, world: world)
    }
}
