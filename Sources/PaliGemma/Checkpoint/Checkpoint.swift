import Base
import Foundation
import Tensor

/// The tensors of a model directory: one safetensors file, or several with an index, mapped and checked.
package struct Checkpoint: Sendable {
    package let directory: String
    package let files: [SafetensorsFile]
    /// The tensors by canonical name (``TensorNames``).
    package let tensors: [String: StoredTensor]

    /// Maps the files of a model directory and compares them with the index.
    ///
    /// - Throws: ``ModelError`` with the code `container` or `tensor`.
    package init(directory: String) throws(ModelError) {
        self.directory = directory
        let (paths, owner) = try Self.locate(in: directory)
        var files: [SafetensorsFile] = []
        var tensors: [String: StoredTensor] = [:]
        for path in paths {
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
        let found = Dictionary(
            uniqueKeysWithValues: files.map { ($0.mapping.path, $0.buffers.union($0.tensors.keys)) })
        for (name, path) in owner ?? [:] where found[path]?.contains(name) != true {
            throw ModelError(.container, at: path, "lacks tensor \(name), which the index places in it")
        }
        self.files = files
        self.tensors = tensors
    }

    /// Returns the safetensors files of a directory and, where there is an index, the file that it names for each tensor.
    private static func locate(in directory: String) throws(ModelError) -> (paths: [String], owner: [String: String]?) {
        let index = directory + "/model.safetensors.index.json"
        let single = directory + "/model.safetensors"
        guard FileSystem.exists(index) else {
            guard FileSystem.exists(single) else {
                throw ModelError(
                    .container, at: directory, "holds no model.safetensors and no model.safetensors.index.json")
            }
            return ([single], nil)
        }
        guard let data = FileSystem.data(of: index),
            let map = try? JSONDecoder().decode(CheckpointIndex.self, from: data).weightMap, !map.isEmpty
        else { throw ModelError(.container, at: index, "is no index: an object weight_map of file names is expected") }
        for file in map.values where file.contains("/") || file.isEmpty || file == ".." {
            throw ModelError(.container, at: index, "names the file \(file), which is not in the same directory")
        }
        let owner = map.mapValues { directory + "/" + $0 }
        return (Set(owner.values).sorted(), owner)
    }

    /// 128 bits over the configuration, every tensor's name, type, shape and place, samples of the data and the
    /// tokenizer: equal for equal models wherever they lie, different for any other.
    package func fingerprint() -> String {
        var hash = PartsHash()
        func add(_ data: Data) { data.withUnsafeBytes { hash.add($0) } }
        for name in ["config.json", "tokenizer.model", "tokenizer.json"] {
            add(FileSystem.data(of: directory + "/" + name) ?? Data())
        }
        for file in files {
            add(file.header)
            for sample in Self.samples(of: file.mapping.bytes) {
                add(Data(sample))
                LoadingProgress.advance()
            }
        }
        return hash.hexadecimal()
    }

    /// Returns sixty-four pages spread over a file. A fine-tuned model has the same header as its base but other numbers
    /// everywhere, so samples tell them apart; reading a whole large file would delay the start.
    private static func samples(of bytes: UnsafeRawBufferPointer) -> [Slice<UnsafeRawBufferPointer>] {
        let page = 4096
        guard bytes.count > 64 * page else { return [bytes[...]] }
        return (0..<64).map { sample in
            let start = (bytes.count - page) / 63 * sample
            return bytes[start..<start + page]
        }
    }
}

/// The keys of `model.safetensors.index.json`: the file that holds each tensor.
private struct CheckpointIndex: Decodable {
    let weightMap: [String: String]

    private enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
}
