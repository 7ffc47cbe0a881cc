import ArgumentParser
import Hub
import Measure
import PaliGemma
import WorkerInterface

/// The model that a deployment is planned for: a directory, or a public shape.
struct PlanModelOptions: ParsableArguments {
    /// What a plan needs of a model.
    struct Model {
        let name: String
        let configuration: ModelConfiguration
        /// Bytes of a weight as it is read.
        let elementSize: Int
    }

    @Option(
        help: Variable.model.help(
            "The model's directory, or org/name of one that was pulled; or give --shape.", valueName: "dir"))
    var model: String?

    @Option(
        help: Variable.shape.help("One of \(RandomModel.shapeNames.joined(separator: ", ")).", valueName: "shape"))
    var shape: String?

    @Option(
        help: Variable.layers.help(
            "With --shape: maximum number of layers of each tower.", default: "all", valueName: "count"))
    var layers: Int?

    /// - Throws: where neither or both are given, or there is no such model.
    func resolved(_ precision: Precision) throws -> Model {
        // A flag of one goes before the variable of the other.
        let directory = self.shape == nil ? try Variable.model.value(model) : model
        let shape = directory == nil ? try Variable.shape.value(shape) : self.shape
        switch (directory, shape) {
        case (let directory?, nil):
            let place = try ModelLocation.directory(of: directory)
            let size = try Checkpoint(directory: place).elementSize(in: precision)
            return Model(
                name: directory, configuration: try ModelConfiguration(directory: place), elementSize: size)
        case (nil, let shape?):
            let layers = try Variable.layers.value(layers)
            do {
                let model = try RandomModel(shape: shape, layers: layers)
                return Model(
                    name: shape + (layers.map { ", at most \($0) layers" } ?? ""), configuration: model.configuration,
                    elementSize: precision == .int8 ? 1 : 2)
            } catch {
                throw CommandFailure(.usage, error.description)
            }
        case (nil, nil): throw ValidationError("Missing '--model' or '--shape'.")
        case (_?, _?): throw ValidationError("'--model' and '--shape' exclude each other.")
        }
    }
}
