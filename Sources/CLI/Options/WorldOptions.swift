import ArgumentParser
import Foundation
import PaliGemma
import Pictures
import ShardPlan

/// How a world of pg-worker is started.
struct WorldOptions: ParsableArguments {
    @Option(help: Variable.model.help("The model's directory, in the Hugging Face layout.", valueName: "dir"))
    var model: String?

    @Option(
        help: Variable.weights.help(
            "bf16: as the checkpoint stores them, exact. int8: quantised, faster, less accurate.", default: "bf16",
            valueName: "bf16|int8"))
    var weights: WeightPrecision?

    @OptionGroup var plan: PlanOptions
    @OptionGroup var threads: ThreadOptions

    @Option(
        name: .customLong("kv-budget"),
        help: Variable.keyValueBudget.help(
            "What a rank may hold of keys and values, as 2g or 512m.", default: "2g", valueName: "bytes"))
    var keyValueBudget: String?

    @OptionGroup var features: FeatureOptions

    @Option(help: Variable.batchRows.help("Rows of a micro-batch.", default: "2304", valueName: "count"))
    var batchRows: Int?

    @Option(
        help: Variable.link.help(
            "How activations travel between Gemma ranks: f32 as they are, bf16 rounded to half the bytes.",
            default: "f32", valueName: "f32|bf16"))
    var link: LinkFormat?

    @Option(
        help: Variable.prefill.help(
            "How Gemma ranks share a prefill's MLP: rows read all weights, columns send nearly nine times as much.",
            default: "rows, where the memory allows it", valueName: "rows|columns"))
    var prefill: PrefillCut.Split?

    @OptionGroup var picture: PictureOptions

    @Option(
        help: Variable.adapter.help(
            "A LoRA adapter as PEFT saves it, which jobs call by this name; may be given several times.",
            valueName: "name=dir"))
    var adapter: [String] = []

    @Flag(
        help: Variable.slidingWindow.help(
            "PaliGemma 2: an answer's tokens see the last 4096 positions only in every other layer, as in transformers.",
            default: "all, as the weights were trained"))
    var slidingWindow = false

    @Flag(help: Variable.ignoreExif.help("Do not turn pictures as their cameras say."))
    var ignoreExif = false

    @Option(help: Variable.leaseSeconds.help("How long a job may go without a sign of life.", valueName: "seconds"))
    var leaseSeconds: Int?

    @Option(
        help: Variable.timeline.help(
            "Write what every thread did when, as a Chrome trace (opens in Perfetto).", valueName: "file"))
    var timeline: String?

    /// Everything settled: flags, variables, defaults.
    func resolved() throws -> WorldSettings {
        let model = try Variable.model.required(model, option: "--model")
        let configuration = try ModelConfiguration(directory: model)
        let plan = try self.plan.resolved(for: configuration)
        let precision = try Variable.weights.value(weights) ?? .bf16
        // What is no adapter is said before anything is begun.
        _ = try AdapterSet(options: adapters())
        return WorldSettings(
            model: model, precision: precision, configuration: configuration, plan: plan,
            workerFlags: ["--weights", precision.rawValue] + (try workerFlags()))
    }

    private func adapters() throws -> [String] {
        guard adapter.isEmpty else { return adapter }
        let list = try Variable.adapter.value(nil as String?) ?? ""
        return list.split(separator: ",").map(String.init)
    }

    /// What pg-worker is told besides model, queue and ranks.
    private func workerFlags() throws -> [String] {
        let values: [(String, String?)] = [
            ("--kv-budget", try Variable.keyValueBudget.size(keyValueBudget, option: "--kv-budget")),
            ("--threads", try threads.resolved()),
            ("--batch-rows", try Variable.batchRows.count(batchRows, option: "--batch-rows")),
            ("--lease-seconds", try Variable.leaseSeconds.count(leaseSeconds, option: "--lease-seconds")),
            ("--prefill", try Variable.prefill.value(prefill)?.rawValue),
            ("--link", try Variable.link.value(link)?.rawValue),
            ("--resize", try picture.given()?.rawValue),
            ("--timeline", try Variable.timeline.value(timeline)),
        ]
        let flags = (values + (try features.resolved())).flatMap { name, value in value.map { [name, $0] } ?? [] }
        return flags + (try adapters()).flatMap { ["--adapter", $0] }
            + (try Variable.slidingWindow.isOn(slidingWindow) ? ["--sliding-window"] : [])
            + (try Variable.ignoreExif.isOn(ignoreExif) ? ["--ignore-exif"] : [])
    }
}

extension LinkFormat: ExpressibleByArgument {}
extension PictureResize: ExpressibleByArgument {}
extension PrefillCut.Split: ExpressibleByArgument {}
extension WeightPrecision: ExpressibleByArgument {}

/// What a world is started with.
struct WorldSettings {
    var model: String
    var precision: WeightPrecision
    var configuration: ModelConfiguration
    var plan: ShardPlan
    /// Further flags of pg-worker.
    var workerFlags: [String]
}

/// What this machine has.
enum LocalMachine {
    /// One rank for each memory node: inside a node all cores share one rank's work without sending anything, and
    /// across nodes a rank's weights should lie in its own memory.
    static var bestRanks: Int {
        let nodes = (try? FileManager.default.contentsOfDirectory(atPath: "/sys/devices/system/node")) ?? []
        let count = nodes.count { $0.hasPrefix("node") && Int($0.dropFirst(4)) != nil }
        return min(max(1, count), 8)
    }
}
