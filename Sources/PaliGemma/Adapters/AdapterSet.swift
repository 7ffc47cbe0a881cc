import Base
import Tensor

/// The adapters of a world, ordered by name. Every rank has the same.
package struct AdapterSet: Sendable {
    package let all: [Adapter]

    package init(_ adapters: [Adapter] = []) {
        all = adapters.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// Reads the adapters of options of the form "name=DIR". No name may occur twice.
    ///
    /// - Throws: ``ModelError`` with the code `adapter`.
    package init(options: [String]) throws(ModelError) {
        var adapters: [Adapter] = []
        for option in options {
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                throw ModelError(.adapter, at: option, "is no adapter; give it as name=DIR")
            }
            guard !adapters.contains(where: { ExactText($0.name) == ExactText(parts[0]) }) else {
                throw ModelError(.adapter, at: parts[1], "there are two adapters called \(parts[0])")
            }
            adapters.append(try Adapter(name: parts[0], directory: parts[1]))
        }
        self.init(adapters)
    }

    package var names: [String] { all.map(\.name) }

    /// Returns the index of the adapter with a name. Nil where there is none.
    package func index(of name: String) -> Int? {
        all.firstIndex { ExactText($0.name) == ExactText(name) }
    }

    /// A hash of the adapters and their names for ``ModelFingerprint``, in hexadecimal. Nil where there are none.
    package var fingerprint: String? {
        guard !all.isEmpty else { return nil }
        var hash = PartsHash()
        for adapter in all {
            hash.add(text: adapter.name)
            hash.add(text: adapter.fingerprint)
        }
        return String(hash.hexadecimal().prefix(16))
    }

    /// Returns what the adapters add to a weight [outputs, inputs], one element an adapter. Nil where no adapter adds anything.
    ///
    /// - Throws: ``ModelError`` with the code `adapter` where an adapter's matrices do not fit the weight.
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

    /// Checks that the model has all weights that the adapters change.
    ///
    /// - Parameter names: the canonical names of the model's weights.
    /// - Throws: ``ModelError`` with the code `adapter` for the first module that the model does not have.
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
