import Base

/// Which files of a repository make up a model, or an adapter: those that the engine reads. It reads nothing in folders
/// of the repository.
enum ModelFiles {
    static let single = "model.safetensors"
    static let index = "model.safetensors.index.json"
    private static let adapter = "adapter_model.safetensors"
    private static let adapterConfiguration = "adapter_config.json"
    private static let tokenizers = ["tokenizer.model", "tokenizer.json"]

    /// The small files: settings and tokenizer. The index is one of them.
    static func small(of names: some Sequence<String>) -> [String] {
        names.filter { !$0.contains("/") && ($0.hasSuffix(".json") || $0 == "tokenizer.model") }
    }

    /// Whether the weights are those that the index names.
    static func needsIndex(_ names: Set<String>) -> Bool { !names.contains(single) && names.contains(index) }

    /// Returns what makes a repository unusable, from the names of its files; nil for nothing.
    static func flaw(of names: Set<String>) -> String? {
        let rootNames = names.filter { !$0.contains("/") }
        if rootNames.contains(adapterConfiguration) {
            return rootNames.contains(adapter) ? nil : "it is an adapter without \(adapter)" + others(in: rootNames)
        }
        guard rootNames.contains("config.json") else { return "it has no config.json; is it a model?" }
        guard rootNames.contains(single) || rootNames.contains(index) else {
            return "it has no \(single) and no \(index)" + others(in: rootNames)
        }
        guard tokenizers.contains(where: rootNames.contains) else {
            return "it has no \(tokenizers.joined(separator: " and no "))"
        }
        return nil
    }

    /// Returns the names of the files of weights.
    ///
    /// - Parameter index: The bytes of the index, where there must be one.
    /// - Throws: ``HubError`` with the code `unusable` where the index is none.
    static func weights(of names: Set<String>, index bytes: [UInt8]?, subject: String) throws(HubError) -> [String] {
        if names.contains(single) { return [single] }
        guard needsIndex(names) else { return names.contains(adapter) ? [adapter] : [] }
        func fault(_ reason: String) -> HubError { HubError(.unusable, at: subject, "\(index) \(reason)") }
        guard !GitLFSPointer.matches(bytes ?? []) else { throw fault(GitLFSPointer.reason) }
        let map = bytes.flatMap { try? JSON(parsing: $0, duplicateKeys: .kept) }?["weight_map"]?.object
        guard let map, !map.isEmpty else { throw fault("is no index: an object weight_map of file names is expected") }
        var files: Set<String> = []
        for member in map {
            guard let file = member.value.string, RepositoryPath.isSafe(file), !file.contains("/") else {
                throw fault("names a file that is not beside it")
            }
            files.insert(file)
        }
        return files.sorted()
    }

    /// Names what else may hold weights, for the end of a message.
    private static func others(in names: Set<String>) -> String {
        let endings = [".safetensors", ".bin", ".npz", ".gguf", ".pt", ".pth", ".h5", ".msgpack", ".onnx"]
        let found = endings.lazy.compactMap { ending in names.sorted().first { $0.hasSuffix(ending) } }.first
        guard let found else { return "; it holds no weights" }
        return found.hasSuffix(".safetensors")
            ? "; it has \(found), which is not read by that name"
            : "; it has \(found), but only safetensors are read: look for another revision, or save it again as those"
    }
}
