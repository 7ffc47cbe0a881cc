import ArgumentParser
import Base
import Foundation
import Measure
import PaliGemma
import ShardPlan

/// Measures the whole software at a real model's size.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how near to this machine's limit a full-size model runs.",
        discussion: """
            Captions random pictures with a full-size model of random numbers, which is made once and kept, through \
            the same world as `paligemma run`: queue, mpirun, frames. The limit is measured in the same run, before \
            and after: the best that OpenBLAS's sgemm and plain reads of memory give on the same cores. Only \
            multiplications and additions that were executed are counted. `paligemma bench kernels` measures single \
            kernels.

              paligemma bench --shape 3b-224
              paligemma bench --shape 3b-896 --ranks 4 --json

            pg-worker's other settings are taken from their variables, as PALIGEMMA_BATCH_ROWS.
            """,
        subcommands: [KernelsCommand.self, CeilingCommand.self])

    @Option(
        help: Variable.shape.help(
            "One of \(RandomModel.shapeNames.joined(separator: ", ")).", valueName: "shape"))
    var shape: String?

    @OptionGroup var plan: PlanOptions
    @OptionGroup var threads: ThreadOptions

    @Option(
        help: Variable.batch.help(
            "Pictures that are captioned.", default: "as many as a micro-batch holds", valueName: "count"))
    var batch: Int?

    @Option(help: Variable.newTokens.help("Tokens of each answer.", default: "20", valueName: "count"))
    var newTokens: Int?

    @Option(help: Variable.layers.help("At most so many layers of each tower.", default: "all", valueName: "count"))
    var layers: Int?

    @Option(help: Variable.weights.help("As in run.", default: "bf16", valueName: "bf16|int8"))
    var weights: WeightPrecision?

    @Option(
        help: Variable.modelCache.help(
            "Where the random models are kept.", default: "~/.cache/paligemma/random-models", valueName: "dir"))
    var modelCache: String?

    @Flag(help: Variable.json.help("One JSON object for programs."))
    var json = false

    func run() throws {
        let settings = try resolved()
        let asJSON = try Variable.json.isOn(json)
        // What is missing is said before a model is written.
        var command = try WorldCommand(settings.world, queue: "")
        try RandomModelCache.provide(settings.model, at: settings.world.model)

        Talk.say("measuring the limit of \(settings.coresUsed == 1 ? "one core" : "\(settings.coresUsed) cores")")
        var ceilings = [try settings.measureCeilings()]
        let folder = try BenchFolder()
        command = try WorldCommand(settings.world(reportingTo: folder.report), queue: folder.queue)
        command.environment[Variable.weights.name] = settings.weights.rawValue
        let report = try BenchWorld(settings, folder).run(command)
        Talk.say("measuring the limit again")
        ceilings.append(try settings.measureCeilings())

        let result = BenchResult(settings: settings, report: report, ceilings: ceilings)
        print(asJSON ? result.json : BenchTable(result).text)
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
        let threads = try self.threads.resolved()
        let batch = try Variable.batch.count(batch, option: "--batch").flatMap { Int($0) }
        let newTokens = try Variable.newTokens.count(newTokens, option: "--new-tokens").flatMap { Int($0) }
        let batchRows = try Variable.batchRows.count(nil, option: "--batch-rows").flatMap { Int($0) } ?? 2304
        let plan = try self.plan.resolved(for: model.configuration)
        let cache = try Variable.modelCache.value(modelCache) ?? RandomModelCache.folder
        let name = shape + (layers.map { "-\($0)-layers" } ?? "")
        let weights = try Variable.weights.value(weights) ?? .bf16
        var flags = threads.map { ["--threads", $0] } ?? []
        // The worker's own default needs no telling.
        if weights != .bf16 { flags += ["--weights", weights.rawValue] }

        let perMicroBatch = max(1, batchRows / (model.configuration.vision.tokens + BenchSettings.promptRows))
        return BenchSettings(
            shape: shape, model: model, weights: weights, pictures: batch ?? perMicroBatch,
            picturesPerMicroBatch: perMicroBatch, newTokens: newTokens ?? 20,
            threadsPerRank: threads.flatMap { Int($0) },
            world: WorldSettings(
                model: cache + "/" + name, precision: weights, configuration: model.configuration, plan: plan,
                workerFlags: flags))
    }
}

/// What is measured.
struct BenchSettings {
    /// Rows of the prompt "caption en" and what surrounds it, about.
    static let promptRows = 16

    let shape: String
    let model: RandomModel
    let weights: WeightPrecision
    let pictures: Int
    let picturesPerMicroBatch: Int
    let newTokens: Int
    /// Nil: each rank takes its share of the cores.
    let threadsPerRank: Int?
    let world: WorldSettings

    var coresUsed: Int {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        return min(cores, world.plan.ranks * (threadsPerRank ?? max(1, cores / world.plan.ranks)))
    }

    /// The rows of a full micro-batch through Gemma's MLP.
    var largestProduct: SgemmLimit.Product {
        let text = model.configuration.text
        return SgemmLimit.Product(
            rows: min(pictures, picturesPerMicroBatch) * model.configuration.vision.tokens, inputs: text.width,
            outputs: text.mlpWidth)
    }

    func measureCeilings() throws -> BenchResult.Ceilings {
        let best = try Ceiling.measure(
            [.sgemm(largestProduct), .memory], threads: coresUsed, seconds: 2.5, beside: .current)
        return (sgemm: best[0], memory: best[1].rate)
    }

    func world(reportingTo report: String) -> WorldSettings {
        var settings = world
        settings.workerFlags += ["--report", report]
        return settings
    }
}
