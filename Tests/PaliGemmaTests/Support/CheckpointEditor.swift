import Foundation
import TestSupport

/// A copy of a committed checkpoint whose files a test may spoil.
struct CheckpointEditor {
    struct Tensor {
        var name: String
        var type: String
        var shape: [Int]
        var data: Data
    }

    let folder: TemporaryFolder
    var tensors: [Tensor]
    var configuration: [String: Any]

    var directory: String { folder.path }
    var modelPath: String { folder.file("model.safetensors") }

    init(_ name: String = "odd") throws {
        folder = try TemporaryFolder()
        let source = Fixtures.path("goldens/\(name)")
        for file in ["tokenizer.model"] {
            try FileManager.default.copyItem(atPath: source + "/" + file, toPath: folder.file(file))
        }
        let config = try Data(contentsOf: URL(fileURLWithPath: source + "/config.json"))
        configuration = try JSONSerialization.jsonObject(with: config) as? [String: Any] ?? [:]
        tensors = try Self.tensors(of: source + "/model.safetensors")
    }

    /// All of a safetensors file, by name.
    static func tensors(of path: String) throws -> [Tensor] {
        let file = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = file.prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
        let header = try JSONSerialization.jsonObject(with: file[8..<8 + length]) as? [String: [String: Any]] ?? [:]
        return header.compactMap { name, entry in
            guard let type = entry["dtype"] as? String, let shape = entry["shape"] as? [Int],
                let offsets = entry["data_offsets"] as? [Int]
            else { return nil }
            return Tensor(
                name: name, type: type, shape: shape, data: file[8 + length + offsets[0]..<8 + length + offsets[1]])
        }.sorted { $0.name < $1.name }
    }

    subscript(text key: String) -> Any? {
        get { (configuration["text_config"] as? [String: Any])?[key] }
        set { set("text_config", key, newValue) }
    }

    subscript(vision key: String) -> Any? {
        get { (configuration["vision_config"] as? [String: Any])?[key] }
        set { set("vision_config", key, newValue) }
    }

    private mutating func set(_ part: String, _ key: String, _ value: Any?) {
        var object = configuration[part] as? [String: Any] ?? [:]
        object[key] = value
        configuration[part] = object
    }

    mutating func rename(_ change: (String) -> String) {
        for index in tensors.indices { tensors[index].name = change(tensors[index].name) }
    }

    /// All numbers as float32, which changes none.
    mutating func widen() {
        for index in tensors.indices where tensors[index].type != "F32" {
            let (data, isHalf) = (tensors[index].data, tensors[index].type == "F16")
            let numbers = stride(from: data.startIndex, to: data.endIndex, by: 2).map { place in
                let bits = UInt16(data[place]) | UInt16(data[place + 1]) << 8
                return isHalf ? Float(Float16(bitPattern: bits)) : Float(bitPattern: UInt32(bits) << 16)
            }
            tensors[index].data = numbers.withUnsafeBytes { Data($0) }
            tensors[index].type = "F32"
        }
    }

    func writeConfiguration() throws {
        try JSONSerialization.data(withJSONObject: configuration).write(
            to: URL(fileURLWithPath: folder.file("config.json")))
    }

    /// One file, or as many as there are groups, with an index.
    func write(files: Int = 1) throws {
        try writeConfiguration()
        guard files > 1 else { return try Self.safetensors(tensors).write(to: URL(fileURLWithPath: modelPath)) }
        var map: [String: String] = [:]
        for part in 0..<files {
            let name = "model-\(part + 1)-of-\(files).safetensors"
            let own = tensors.indices.filter { $0 % files == part }.map { tensors[$0] }
            for tensor in own { map[tensor.name] = name }
            try Self.safetensors(own).write(to: URL(fileURLWithPath: folder.file(name)))
        }
        try JSONSerialization.data(withJSONObject: ["metadata": [:], "weight_map": map]).write(
            to: URL(fileURLWithPath: folder.file("model.safetensors.index.json")))
    }

    static func safetensors(_ tensors: [Tensor]) throws -> Data {
        var header: [String: Any] = ["__metadata__": ["format": "pt"]]
        var data = Data()
        for tensor in tensors {
            header[tensor.name] = [
                "dtype": tensor.type, "shape": tensor.shape,
                "data_offsets": [data.count, data.count + tensor.data.count],
            ]
            data += tensor.data
        }
        return file(header: try JSONSerialization.data(withJSONObject: header), data: data)
    }

    static func file(header: Data, data: Data) -> Data {
        var length = UInt64(header.count).littleEndian
        return withUnsafeBytes(of: &length) { Data($0) } + header + data
    }
}
