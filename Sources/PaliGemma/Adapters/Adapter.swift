import Base
import Foundation
import Tensor

/// A LoRA adapter as PEFT saves it: `adapter_config.json`, and `adapter_model.safetensors` with two thin matrices for each
/// module that it changes, A [r, inputs] and B [outputs, r]. The module then gives x · Wᵀ + scale · (x · Aᵀ) · Bᵀ.
package struct Adapter: Sendable {
    /// What jobs call it.
    package let name: String
    package let directory: String
    /// Of its two files.
    package let fingerprint: String
    /// By canonical name of the weight (``TensorNames``).
    let modules: [String: Module]
    /// Whether pictures look different through it, and not only what is said of them.
    package var changesVision: Bool { modules.keys.contains { $0.hasPrefix("vision.") } }

    struct Module: Sendable {
        let storedName: String
        let a: StoredTensor
        let b: StoredTensor
        let scale: Float
    }

    private static let prefix = "base_model.model."

    /// - Throws: ``ModelError`` with the code `adapter` where the files are no LoRA of modules that this program can add to.
    package init(name: String, directory: String) throws(ModelError) {
        (self.name, self.directory) = (name, directory)
        let configuration = try AdapterConfiguration(directory: directory)
        let path = directory + "/adapter_model.safetensors"
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(path: path)
        } catch {
            let isOld = FileManager.default.fileExists(atPath: directory + "/adapter_model.bin")
            throw ModelError(
                .adapter, at: path,
                error.reason + (isOld ? "; adapter_model.bin is not read, save it again as safetensors" : ""))
        }
        fingerprint = try Self.fingerprint(of: directory, file)
        modules = try Self.modules(in: file, configuration, path)
    }

    private static func fingerprint(of directory: String, _ file: SafetensorsFile) throws(ModelError) -> String {
        let configuration = FileManager.default.contents(atPath: directory + "/adapter_config.json") ?? Data()
        return ContentHash.hexadecimal(of: [UInt8](configuration) + [UInt8](file.mapping.bytes))
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
                let (rank, scale) = try configuration.scale(of: module)
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

/// The adapters of a world. Every rank has the same, in the order of their names.
package struct AdapterSet: Sendable {
    package let all: [Adapter]

    package init(_ adapters: [Adapter] = []) { all = adapters.sorted { $0.name < $1.name } }

    /// From "name=DIR", each name once.
    ///
    /// - Throws: ``ModelError`` with the code `adapter`.
    package init(options: [String]) throws(ModelError) {
        var adapters: [Adapter] = []
        for option in options {
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                throw ModelError(.adapter, at: option, "is no adapter; give it as name=DIR")
            }
            guard !adapters.contains(where: { $0.name == parts[0] }) else {
                throw ModelError(.adapter, at: parts[1], "there are two adapters called \(parts[0])")
            }
            adapters.append(try Adapter(name: parts[0], directory: parts[1]))
        }
        self.init(adapters)
    }

    package var names: [String] { all.map(\.name) }

    /// The place of the adapter that a job names; nil where there is none of that name.
    package func index(of name: String) -> Int? { all.firstIndex { $0.name == name } }

    /// A hash of the adapters and their names for ``ModelFingerprint``, in hexadecimal; nil where there are none.
    package var fingerprint: String? {
        guard !all.isEmpty else { return nil }
        let text = all.map { "\($0.name)=\($0.fingerprint)" }.joined(separator: "\n")
        return String(ContentHash.hexadecimal(of: Array(text.utf8)).prefix(16))
    }

    /// The additions to a weight [outputs, inputs], one place an adapter; nil where none has any.
    func additions(to name: String, outputs: Int, inputs: Int) throws(ModelError) -> [LowRankAddition?]? {
        var found: [LowRankAddition?] = []
        for adapter in all {
            guard let module = adapter.modules[name] else {
                found.append(nil)
                continue
            }
            let (a, b) = (module.a.entry.shape, module.b.entry.shape)
            guard a[1] == inputs, b[0] == outputs else {
                throw ModelError(
                    .adapter, at: adapter.directory,
                    "\(module.storedName): lora_A \(a) and lora_B \(b) do not fit the model's weight "
                        + "[\(outputs), \(inputs)]; the adapter was trained with another model")
            }
            found.append(
                LowRankAddition(
                    down: WeightMatrix(tensor: module.a, outputs: a[0], inputs: a[1]),
                    up: WeightMatrix(tensor: module.b, outputs: b[0], inputs: b[1]), scale: module.scale))
        }
        return found.contains { $0 != nil } ? found : nil
    }

    /// Refuses additions to weights that the model does not have.
    func checkAllTaken(_ names: Set<String>) throws(ModelError) {
        for adapter in all {
            guard let name = adapter.modules.keys.filter({ !names.contains($0) }).min(),
                let module = adapter.modules[name]
            else { continue }
            throw ModelError(
                .adapter, at: adapter.directory,
                "\(module.storedName): the model has no such module; the adapter was trained with another model")
        }
    }
}
