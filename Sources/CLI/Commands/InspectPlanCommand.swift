import ArgumentParser
import Measure
import PaliGemma
import ShardPlan
import WorkerInterface

struct InspectPlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what each rank of a world would hold of a public model, without the model.",
        discussion: """
            Weights are read from one mapped file, so ranks of one host that read the same have it in memory once. \
            Buffers are for one picture and 64 tokens.

              paligemma inspect plan --shape pg2-28b-224 --ranks 9 --prefill columns
            """)

    @Option(
        help: Variable.shape.help("One of \(RandomModel.shapeNames.joined(separator: ", ")).", valueName: "shape"))
    var shape: String?

    @OptionGroup var plan: PlanOptions

    enum Options: OptionSelection {
        typealias Table = WorkerOptions
        static let options: [any AnyOptionDefinition] = [Table.table.precision, Table.table.prefill]
    }

    @OptionGroup var options: OptionFlags<Options>

    func run() throws {
        let shape = try Variable.shape.required(shape, option: "--shape")
        let model: RandomModel
        do {
            model = try RandomModel(shape: shape)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
        let options = try options.values()
        let lines = PlanReport.lines(
            plan: try plan.resolved(for: model.configuration), configuration: model.configuration,
            elementSize: options.precision == .int8 ? 1 : 2, split: options.prefill ?? .rows)
        let checkpoint = PlanReport.row("checkpoint", ByteCount.text(model.byteCount))
        print(([checkpoint] + PlanReport.lines(about: .current) + lines).joined(separator: "\n"))
    }
}
