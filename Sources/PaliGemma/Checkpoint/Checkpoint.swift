import Base
import Tensor

/// The tensors of a model directory: one safetensors file, or several with an index, mapped and checked.
package struct Checkpoint: Sendable {
    package let directory: String
    package let files: [SafetensorsFile]
    /// The tensors by canonical name (``TensorNames``).
    package let tensors: [String: StoredTensor]
    /// What is to be said about files of the directory that are not read; nil where there are none.
    package let note: String?

    /// Maps the files of a model directory and compares them with the index.
    ///
    /// - Throws: ``ModelError`` with the code `container` or `tensor`.
    package init(directory: String) throws(ModelError) {
        self.directory = directory
        let found = try CheckpointFiles(ModelDirectory(directory))
        note = found.note
        let owner = found.owner
        var files: [SafetensorsFile] = []
        var tensors: [String: StoredTensor] = [:]
        for path in found.paths {
            let file = try SafetensorsFile(path: path, isBuffer: TensorNames.isBuffer)
            files.append(file)
            let isPart = TensorNames.areOfLargerModel(owner.map { Array($0.keys) } ?? Array(file.tensors.keys))
            LoadingProgress.advance()
            for (name, entry) in file.tensors {
                guard let canonical = TensorNames.canonical(name) else {
                    if isPart { continue }
                    throw ModelError(.tensor, at: path, "tensor \(name) is unknown; this is no PaliGemma checkpoint")
                }
                if let owner, owner[name] != path {
                    throw ModelError(.container, at: path, "holds tensor \(name), which the index places elsewhere")
                }
                if let twin = tensors[canonical] {
                    throw ModelError(.tensor, at: path, "tensor \(name) is there twice (also as \(twin.storedName))")
                }
                tensors[canonical] = StoredTensor(storedName: name, entry: entry, mapping: file.mapping)
            }
        }
        let held = Dictionary(files.map { ($0.mapping.path, $0.buffers.union($0.tensors.keys)) }) { first, _ in first }
        for (name, path) in owner ?? [:] where held[path]?.contains(name) != true {
            throw ModelError(.container, at: path, "lacks tensor \(name), which the index places in it")
        }
        self.files = files
        self.tensors = tensors
    }
}
