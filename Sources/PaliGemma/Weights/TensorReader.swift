import Base
import Foundation
import Tensor

/// Takes tensors out of a checkpoint by name and shape, and remembers which were taken.
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

    func has(_ name: String) -> Bool { checkpoint.tensors[name] != nil }

    /// A tensor that is stored with another shape than the one it is used in; the numbers lie the same.
    mutating func reshape(_ name: String, from stored: [Int], to used: [Int]) {
        reshaped[name] = (stored, used)
    }

    /// A matrix as a view of the mapping.
    mutating func matrix(_ name: String, _ shape: [Int]) throws(ModelError) -> WeightMatrix {
        let tensor = try take(name, shape)
        return WeightMatrix(
            tensor: tensor, outputs: shape[0], inputs: shape[1], quantized: quantized?.matrix(name),
            additions: try adapters.additions(to: name, outputs: shape[0], inputs: shape[1]))
    }

    /// A vector, widened to float32.
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

    /// Whatever is left over is a sign that the configuration is another model's.
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
    /// Whether two matrices hold the same numbers, byte for byte.
    func holdsSameBytes(as other: WeightMatrix) -> Bool {
        guard element == other.element, outputs == other.outputs, inputs == other.inputs else { return false }
        return (0..<outputs).allSatisfy {
            LoadingProgress.advance()
            return memcmp(row($0), other.row($0), inputs * element.size) == 0
        }
    }
}
