import Foundation
import Measure
import PaliGemma
import Tensor
import Testing

@Suite("Random models have the layout of the public ones")
struct RandomModelTests {
    let folder: URL

    init() throws {
        folder = URL(fileURLWithPath: NSTemporaryDirectory() + "paligemma-random-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Writes the files of a model with holes instead of numbers.
    private func writeHollow(_ model: RandomModel) throws {
        for shard in model.shards {
            let path = folder.appendingPathComponent(shard.fileName).path
            try Data(shard.header).write(to: URL(fileURLWithPath: path))
            try #require(truncate(path, shard.header.count + shard.byteCount) == 0)
            #expect(shard.isWhole(at: path))
        }
        try model.write(to: folder.path) { _, step in #expect(step == .kept) }
    }

    private func remove() { try? FileManager.default.removeItem(at: folder) }

    private static let small = RandomShard(
        fileName: "small.safetensors",
        tensors: [
            .uniform("a.weight", [3000, 1000], inputs: 1000), .nearOne("a.norm", 7),
            .uniform("b.weight", [5, 3], inputs: 3),
        ])

    @Test("Every shape can be read as a whole model", arguments: RandomModel.shapeNames, [nil, 1])
    func shapes(shape: String, layers: Int?) throws {
        defer { remove() }
        let model = try RandomModel(shape: shape, layers: layers)
        try writeHollow(model)
        let configuration = try ModelConfiguration(directory: folder.path)
        #expect(configuration == model.configuration)
        let checkpoint = try Checkpoint(directory: folder.path)
        _ = try ModelWeights(checkpoint: checkpoint, configuration: configuration)
        let bytes = checkpoint.tensors.values.reduce(0) { $0 + $1.entry.range.count }
        #expect(bytes == model.byteCount)
    }

    @Test("A model has the number of tensors and parameters of the public one")
    func counts() throws {
        defer { remove() }
        for (shape, tensors, parameters) in [
            ("3b-224", 603, 2_923_466_480), ("pg2-3b-224", 727, 3_032_242_416), ("pg2-10b-224", 903, 9_662_638_832),
            ("pg2-28b-224", 947, 27_650_487_024),
        ] {
            let model = try RandomModel(shape: shape)
            #expect(model.shards.reduce(0) { $0 + $1.tensors.count } == tensors)
            #expect(model.byteCount == 2 * parameters)
        }
    }

    @Test("The files of the language model are the same for all picture sizes")
    func languageFiles() throws {
        defer { remove() }
        let shards = try RandomModel.shapeNames.map { try RandomModel(shape: $0, seed: 3).shards }
        let language = shards.map { $0.filter { $0.fileName.hasPrefix("language") } }
        #expect(language[0].map(\.fileName) == language[1].map(\.fileName))
        #expect(language[0].map(\.fileName) == language[2].map(\.fileName))
        #expect(language[0].map(\.byteCount) == language[2].map(\.byteCount))
        #expect(try RandomModel(shape: "3b-224", seed: 4).shards[1].fileName != shards[0][1].fileName)
    }

    @Test("The names of the files have the version of the numbers, so that no old file is taken for a new one")
    func version() throws {
        defer { remove() }
        for shard in try RandomModel(shape: "3b-224").shards {
            #expect(shard.fileName.contains("-\(RandomModel.version)-"), "\(shard.fileName)")
        }
    }

    @Test("A file is the same for the same seed, and its numbers have the variance 1 / inputs")
    func numbers() throws {
        defer { remove() }
        let paths = ["one", "two", "other"].map { folder.appendingPathComponent($0).path }
        try Self.small.write(to: paths[0], seed: 1)
        try Self.small.write(to: paths[1], seed: 1)
        try Self.small.write(to: paths[2], seed: 2)
        let files = paths.map { FileManager.default.contents(atPath: $0) }
        #expect(files[0] == files[1])
        #expect(files[0] != files[2])

        let file = try SafetensorsFile(path: paths[0])
        let entry = try #require(file.tensors["a.weight"])
        #expect(entry.shape == [3000, 1000])
        let numbers = file.mapping.bytes[entry.range].withUnsafeBytes { bytes in
            (0..<3_000_000).map { index in
                let bits = bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
                return Double(Float(bitPattern: UInt32(bits) << 16))
            }
        }
        let variance = numbers.reduce(0) { $0 + $1 * $1 } / 3_000_000
        #expect(abs(variance * 1000 - 1) < 0.01)
        #expect(abs(numbers.reduce(0, +) / 3_000_000) < 1e-4)
        #expect(Set(numbers.prefix(100)).count > 90)
    }

    @Test("The tokenizer has the public size, and its tokens have the public ids")
    func tokenizer() throws {
        defer { remove() }
        let model = try RandomModel(shape: "3b-224", layers: 1)
        try writeHollow(model)
        let tokenizer = try Tokenizer(directory: folder.path, configuration: model.configuration)
        #expect(tokenizer.pieceCount == 257_152)
        #expect(tokenizer.encode("\n") == [108])
        #expect(tokenizer.encode("<loc0000><seg127>") == [256_000, 257_151])
        #expect(tokenizer.encode("caption en").count < 6)
        for text in ["caption en", "answer en how many? ÄÖ 🟥", "  two  spaces"] {
            #expect(tokenizer.decode(tokenizer.encode(text)) == text)
        }
    }

    @Test("An unknown shape and a model without layers are refused")
    func refusals() {
        defer { remove() }
        #expect(throws: RandomModelError.self) { try RandomModel(shape: "7b-224") }
        #expect(throws: RandomModelError.self) { try RandomModel(shape: "3b-224", layers: 0) }
    }
}
