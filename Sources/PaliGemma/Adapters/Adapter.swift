import Base
import Foundation
import Tensor

/// A LoRA adapter as PEFT saves it: `adapter_config.json`, and `adapter_model.safetensors` with two low-rank matrices for
/// each module that it changes, A [r, inputs] and B [outputs, r]. The module then computes x · Wᵀ + scale · (x · Aᵀ) · Bᵀ.
package struct Adapter: Sendable {
    /// The name that jobs use.
    package let name: String
    package let directory: String
    /// A hash of its two files.
    package let fingerprint: String
    /// The modules by the canonical name of the weight (``TensorNames``).
    let modules: [String: Module]
    /// Whether it changes the vision tower, so that the features of a picture depend on it.
    package var changesVision: Bool { modules.keys.contains { $0.hasPrefix("vision.") } }

    struct Module: Sendable {
        let storedName: String
        let a: StoredTensor
        let b: StoredTensor
        let scale: Float
    }

    private static let prefix = "base_model.model."

    /// Reads an adapter.
    ///
    /// - Throws: ``ModelError`` with the code `adapter` where the files are no plain LoRA of supported modules.
    package init(name: String, directory: String) throws(ModelError) {
        (self.name, self.directory) = (name, directory)
        let configuration = try AdapterConfiguration(ModelDirectory(directory))
        let path = directory + "/adapter_model.safetensors"
        let file: SafetensorsFile
        if let target = ModelDirectory.danglingTarget(of: path) {
            throw ModelError(.adapter, at: path, ModelDirectory.danglingReason(target))
        }
        do {
            file = try SafetensorsFile(path: path)
        } catch {
            let isOld = FileSystem.exists(directory + "/adapter_model.bin")
            throw ModelError(
                .adapter, at: path,
                error.reason + (isOld ? "; adapter_model.bin is not read, save it again as safetensors" : ""))
        }
        fingerprint = try Self.fingerprint(of: directory, file)
        modules = try Self.modules(in: file, configuration, path)
    }

    private static func fingerprint(of directory: String, _ file: SafetensorsFile) throws(ModelError) -> String {
        var hash = PartsHash()
        let configuration = try ModelDirectory(directory).bytes(of: "adapter_config.json", .adapter) ?? []
        configuration.withUnsafeBytes { hash.add($0) }
        hash.add(file.mapping.bytes)
        return hash.hexadecimal()
    }

    private static func modules(
        in file: SafetensorsFile, _ configuration: AdapterConfiguration, _ path: String
    ) throws(ModelError) -> [String: Module] {
        func fail(_ name: String, _ reason: String) -> ModelError {
            ModelError(.adapter, at: path, "tensor \(name): \(reason)")
        }
        var halves: [String: (a: StoredTensor?, b: StoredTensor?)] = [:]
        for (name, entry) in file.tensors.sorted(by: { $0.key < $1.key }) {
            guard name.hasPrefix(prefix), let end = [".lora_A.weight", ".lora_B.weight"].first(where: name.hasSuffix)
            else { throw fail(name, "is no part of a plain LoRA; only lora_A and lora_B of modules are implemented") }
            let module = String(name.dropFirst(prefix.count).dropLast(end.count))
            let tensor = StoredTensor(storedName: name, entry: entry, mapping: file.mapping)
            guard entry.shape.count == 2 else { throw fail(name, "has shape \(entry.shape); a matrix is expected") }
            if end.contains("_A") { halves[module, default: (nil, nil)].a = tensor }
            if end.contains("_B") { halves[module, default: (nil, nil)].b = tensor }
        }
        guard !halves.isEmpty else { throw ModelError(.adapter, at: path, "holds no modules") }

        var modules: [String: Module] = [:]
        for (module, tensors) in halves.sorted(by: { $0.key < $1.key }) {
            guard let canonical = TensorNames.canonical(module + ".weight"), isSupported(canonical) else {
                throw fail(
                    module,
                    "this module cannot have an addition; implemented are q_proj, k_proj, v_proj, o_proj, gate_proj, "
                        + "up_proj and down_proj of the language model, q_proj, k_proj, v_proj, out_proj, fc1 and fc2 of "
                        + "the vision tower, and the projector")
            }
            guard let a = tensors.a, let b = tensors.b else {
                throw fail(module, "\(tensors.a == nil ? "lora_A" : "lora_B") is missing")
            }
            guard a.isFinite, b.isFinite else {
                throw fail(module, "holds numbers that are not finite; it was spoiled while it was trained or saved")
            }
            do throws(AdapterProblem) {
                let (rank, scale) = try configuration.scale(of: [module] + TensorNames.modulePaths(of: canonical))
                guard a.entry.shape[0] == rank, b.entry.shape[1] == rank else {
                    throw AdapterProblem(
                        "lora_A \(a.entry.shape) and lora_B \(b.entry.shape) do not have the rank \(rank) of "
                            + "adapter_config.json")
                }
                modules[canonical] = Module(storedName: module, a: a, b: b, scale: scale)
            } catch {
                throw fail(module, error.reason)
            }
        }
        return modules
    }

    private static func isSupported(_ canonical: String) -> Bool {
        if canonical == "projector.weight" { return true }
        let parts = canonical.split(separator: ".")
        let text = [
            "self_attn": ["q_proj", "k_proj", "v_proj", "o_proj"], "mlp": ["gate_proj", "up_proj", "down_proj"],
        ]
        let vision = ["self_attn": ["q_proj", "k_proj", "v_proj", "out_proj"], "mlp": ["fc1", "fc2"]]
        // text.layers.0.self_attn.q_proj.weight, vision.encoder.layers.0.mlp.fc1.weight
        guard parts.count >= 6, parts.last == "weight", Int(parts[parts.count - 4]) != nil else { return false }
        let known: [String: [String]]
        switch parts.dropLast(4).joined(separator: ".") {
        case "text.layers": known = text
        case "vision.encoder.layers": known = vision
        default: return false
        }
        return known[String(parts[parts.count - 3])]?.contains(String(parts[parts.count - 2])) == true
    }
}
