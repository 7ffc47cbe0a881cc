import ArgumentParser
import Measure
import PaliGemma
import WorkerInterface

struct RandomModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "random-model",
        abstract: "Write a full-size model with random numbers, to measure speed and memory with.",
        discussion: """
            The files of Gemma and of SigLIP's layers are the same for the three sizes: beside a directory that has \
            them they are linked, not written again. The same seed gives the same bytes. Called again after an \
            interruption it continues.

              paligemma random-model --shape 3b-896 --output models/random-896
              paligemma random-model --shape 3b-224 --layers 2 --seed 7 --output models/small
            """)

    @Option(
        help: Variable.shape.help(
            "One of \(RandomModel.shapeNames.joined(separator: ", ")).", valueName: "shape"))
    var shape: String?

    @Option(help: Variable.layers.help("Maximum number of layers of each tower.", default: "all", valueName: "count"))
    var layers: Int?

    @Option(help: Variable.seed.help("Chooses the numbers.", default: "0", valueName: "number"))
    var seed: UInt64?

    @Option(help: Variable.output.help("The directory to make.", valueName: "dir"))
    var output: String?

    func run() throws {
        let shape = try Variable.shape.required(shape, option: "--shape")
        let output = try Variable.output.required(output, option: "--output")
        let layers = try Variable.layers.value(layers)
        let seed = try Variable.seed.value(seed) ?? 0
        let model: RandomModel
        do {
            model = try RandomModel(shape: shape, layers: layers, seed: seed)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
        Console.writeLine("\(ByteCount.text(model.byteCount)) of tensors for \(output)")
        do {
            try model.write(to: output) { name, step in Console.writeLine("\("\(step)".padded(to: 9))\(name)") }
        } catch {
            throw CommandFailure(.environment, error.description)
        }
    }
}
