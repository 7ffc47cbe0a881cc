import Base
import Foundation
import Tensor

/// Takes tensors out of a checkpoint by name and shape, and records which were taken.
struct TensorReader {
    private let checkpoint: Checkpoint
    private let quantized: QuantizedFile?
    private let adapters: AdapterSet
    private var taken: Set<String> = []
    private var remaining: Set<String>
    private var reshaped: [String: (from: [Int], to: [Int])] = [:]

    init(checkpoint: Checkpoint, quantized: QuantizedFile? = nil, adapters: AdapterSet = AdapterSet()) {
        self.checkpoint = checkpoint
        self.adapters = adapters
        self.quantized = quantized
        remaining = Set(checkpoint.tensors.keys)
    }

    /// Returns whether the checkpoint has a tensor.
    func has(_ name: String) -> Bool { checkpoint.tensors[name] != nil }

    /// Declares that a tensor is stored with another shape than the one it is used with. The order of the numbers is the same.
    mutating func reshape(_ name: String, from stored: [Int], to used: [Int]) {
        reshaped[name] = (stored, used)
    }

    /// Takes a matrix, as a view of the mapping.
    ///
    /// - Throws: ``ModelError`` where it is missing, has another shape, or an adapter does not fit it.
    mutating func matrix(_ name: String, _ shape: [Int]) throws(ModelError) -> WeightMatrix {
        let tensor = try take(name, shape)
        return WeightMatrix(
            tensor: tensor, outputs: shape[0], inputs: shape[1], quantized: quantized?.matrix(name),
            additions: try adapters.additions(to: name, outputs: shape[0], inputs: shape[1]))
    }

    /// Takes a vector, widened to float32.
    ///
    /// - Throws: ``ModelError`` where it is missing or has another length.
    mutating func vector(_ name: String, _ count: Int) throws(ModelError) -> [Float] {
        try take(name, [count]).widened()
    }

    private mutating func take(_ name: String, _ shape: [Int]) throws(ModelError) -> StoredTensor {
        FaultSwitch.before(.load, name)
        defer { LoadingProgress.advance() }
        guard let tensor = checkpoint.tensors[name] else {
            throw ModelError(
                .tensor, at: checkpoint.directory,
                "tensor \(name) is missing; config.json asks for it with shape \(shape)")
        }
        let stored = reshaped[name].map(\.from) ?? shape
        guard tensor.entry.shape == stored else {
            throw ModelError(
                .tensor, at: tensor.mapping.path,
                "tensor \(tensor.storedName) has shape \(tensor.entry.shape); config.json asks for \(stored)")
        }
        remaining.remove(name)
        taken.insert(name)
        return tensor
    }

    /// Checks that every tensor was taken: one that is left over shows that the configuration is another model's.
    ///
    /// - Throws: ``ModelError`` for the first tensor of the checkpoint or of an adapter that was not taken.
    func finish() throws(ModelError) {
        try adapters.checkAllTaken(taken)
        let unknown = remaining.filter { !TensorNames.isIgnored($0) }.sorted()
        guard let first = unknown.first, let tensor = checkpoint.tensors[first] else { return }
        let others = unknown.count > 1 ? " and \(unknown.count - 1) more" : ""
        throw ModelError(
            .tensor, at: tensor.mapping.path,
            "tensor \(tensor.storedName)\(others): the configuration has no place for it")
    }
}

extension WeightMatrix {
    /// Returns whether two stored matrices are equal byte for byte.
    func holdsSameBytes(as other: WeightMatrix) -> Bool {
        guard element == other.element, outputs == other.outputs, inputs == other.inputs else { return false }
        return (0..<outputs).allSatisfy {
            LoadingProgress.advance()
            return memcmp(row($0), other.row($0), inputs * element.size) == 0
        }
    }
}
