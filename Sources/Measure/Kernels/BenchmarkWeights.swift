import Base
import Foundation
import PaliGemma
import Tensor

extension KernelBenchmark {
    /// Random weights in mapped files, as those of a checkpoint are, in bfloat16 and in int8. They are made once for each
    /// shape.
    package final class Weights {
        /// Bytes of the matrices that products with few rows use in turn, so that their weights come from memory and not
        /// from a cache.
        private static let rotatedBytes = 1 << 28
        /// Number of rows up to which reading the weights decides the time.
        private static let maximumFewRows = 32

        private let folder: String
        private var known: [String: (stored: [WeightMatrix], quantized: [WeightMatrix])] = [:]

        /// - Parameter folder: where the files are written; the caller removes it.
        package init(folder: String) {
            self.folder = folder
        }

        /// Returns the matrices that calls of a product use in turn.
        ///
        /// - Throws: ``RandomModelError`` or ``ModelError`` where their files cannot be made.
        func matrices(
            for product: Product, as precision: Precision, team: ThreadTeam
        ) throws -> [WeightMatrix] {
            let matrices = try matrices(for: product, team)
            return precision == .int8 ? matrices.quantized : matrices.stored
        }

        private func matrices(
            for product: Product, _ team: ThreadTeam
        ) throws -> (stored: [WeightMatrix], quantized: [WeightMatrix]) {
            let bytes = 2 * product.inputs * product.outputs
            let count = product.rows > Self.maximumFewRows ? 1 : min(8, max(1, Self.rotatedBytes / bytes))
            let name = "\(count)-\(product.outputs)-\(product.inputs)"
            if let matrices = known[name] { return matrices }
            let shard = RandomShard(
                fileName: name,
                tensors: (0..<count).map {
                    .uniform("weight-\($0)", [product.outputs, product.inputs], inputs: product.inputs)
                })
            let path = folder + "/" + name
            try shard.write(to: path, seed: 0)
            let file = try SafetensorsFile(path: path)
            let tensors = file.tensors.map { name, entry in
                StoredTensor(storedName: name, entry: entry, mapping: file.mapping)
            }
            func matrix(_ tensor: StoredTensor, _ quantized: QuantizedMatrix? = nil) -> WeightMatrix {
                WeightMatrix(
                    tensor: tensor, outputs: product.outputs, inputs: product.inputs, quantized: quantized)
            }
            let int8 = try QuantizedFile(
                of: tensors.map { ($0.storedName, matrix($0).stored) }, at: path + "-int8", team: team)
            let made = (
                stored: tensors.map { matrix($0) },
                quantized: tensors.map { matrix($0, int8.matrix($0.storedName)) }
            )
            known[name] = made
            return made
        }
    }
}
