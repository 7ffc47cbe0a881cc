import Base
import Tensor

/// Which safetensors files of a directory make up a checkpoint, chosen as transformers does: `model.safetensors` where it
/// is there, else the files that `model.safetensors.index.json` names.
struct CheckpointFiles {
    let paths: [String]
    /// Where there is an index, the path of the file that it names for each tensor.
    let owner: [String: String]?
    /// What is to be said about files that are not read; nil where there are none.
    let note: String?

    private static let single = "model.safetensors"
    private static let index = "model.safetensors.index.json"

    /// - Throws: ``ModelError`` with the code `container` where there is neither, or a file that the index names is missing.
    init(_ directory: ModelDirectory) throws(ModelError) {
        let others = directory.names.filter { $0.hasPrefix("model") && $0.hasSuffix(".safetensors") }
        if directory.has(Self.single) {
            try Self.checkLinks([Self.single], directory)
            paths = [directory.file(Self.single)]
            owner = nil
            var unread = others.filter { $0 != Self.single }
            if directory.has(Self.index) { unread.insert(Self.index, at: 0) }
            note = unread.isEmpty ? nil : "\(directory.path): \(Self.single) is used; not read: \(Self.list(unread))"
            return
        }
        let map = try Self.map(directory)
        let named = Set(map.values.map(\.self))
        let missing = named.filter { !directory.has($0) }.sorted()
        guard missing.isEmpty else {
            let there = others.isEmpty ? "" : "; there are \(Self.list(others))"
            throw ModelError(
                .container, at: directory.file(Self.index),
                "names \(Self.list(missing)), which \(missing.count == 1 ? "is" : "are") not there\(there); is the download "
                    + "complete, and the index of the same version?")
        }
        try Self.checkLinks(named.sorted(), directory)
        paths = named.sorted().map(directory.file)
        owner = map.mapValues(directory.file)
        let unread = others.filter { !named.contains($0) }
        note = unread.isEmpty ? nil : "\(directory.path): \(Self.index) does not name \(Self.list(unread)); not read"
    }

    private static func checkLinks(_ names: [String], _ directory: ModelDirectory) throws(ModelError) {
        for name in names {
            guard let target = ModelDirectory.danglingTarget(of: directory.file(name)) else { continue }
            throw ModelError(.container, at: directory.file(name), ModelDirectory.danglingReason(target))
        }
    }

    /// Reads the index: the name of the file that holds each tensor.
    private static func map(_ directory: ModelDirectory) throws(ModelError) -> [String: String] {
        guard let bytes = try directory.bytes(of: index, .container) else { throw nothing(in: directory) }
        func fail(_ reason: String) -> ModelError { ModelError(.container, at: directory.file(index), reason) }
        guard let members = (try? JSON(parsing: bytes, duplicateKeys: .kept))?["weight_map"]?.object, !members.isEmpty
        else { throw fail("is no index: an object weight_map of file names is expected") }
        var map: [String: String] = [:]
        for member in members {
            guard let file = member.value.string else {
                throw fail("is no index: an object weight_map of file names is expected")
            }
            guard !file.utf8.contains(UInt8(ascii: "/")), !file.isEmpty, file != "..", file != "." else {
                throw fail("names the file \(file), which is not in the same directory")
            }
            map[member.key] = file
        }
        return map
    }

    /// The error for a directory without a checkpoint that can be read.
    private static func nothing(in directory: ModelDirectory) -> ModelError {
        let names = directory.names
        let reason =
            if let shard = names.first(where: { $0.hasSuffix(".safetensors") }) {
                "holds \(shard), but no \(single) and no \(index), which names the files of a checkpoint in parts"
            } else if let other = names.first(where: { $0.hasPrefix("pytorch_model") || $0.hasSuffix(".bin") }) {
                "holds \(other), which is not read, and no \(single); save the model again as safetensors"
            } else {
                "holds no \(single) and no \(index)"
            }
        return ModelError(.container, at: directory.path, reason)
    }

    /// A few names, and how many more there are.
    private static func list(_ names: [String]) -> String {
        names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
    }
}
