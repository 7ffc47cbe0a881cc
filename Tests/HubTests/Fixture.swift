import Base
import Fetch
import Foundation
import Hub
import TestSupport
import Testing

/// A hub with models, and a cache of one test.
struct HubBench {
    static let name = "org/small"
    let server: HubServer
    let home: TemporaryFolder

    /// - Parameter repository: the model `org/small`.
    init(
        _ repository: HubServer.Repository = HubBench.model(), hubFault: @escaping HubServer.Fault = { _, _ in nil },
        storeFault: @escaping HubServer.Fault = { _, _ in nil }
    ) throws {
        server = try HubServer([Self.name: repository], hubFault: hubFault, storeFault: storeFault)
        home = try TemporaryFolder()
    }

    /// Bytes that repeat only after a long time.
    static func bytes(_ count: Int, seed: Int = 0) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: (($0 &+ seed &* 977) &* 2_654_435_761) >> 11) }
    }

    static let weights = bytes(300_000)

    /// What a model's repository has, and more that is not needed.
    static func model(_ change: (inout HubServer.Repository) -> Void = { _ in }) -> HubServer.Repository {
        var repository = HubServer.Repository([
            "config.json": Array("{\"model_type\": \"paligemma\"}".utf8), "tokenizer.model": bytes(5000, seed: 1),
            "model.safetensors": weights, "README.md": Array("# A model".utf8),
            "pytorch_model.bin": bytes(2000, seed: 2),
            "onnx/config.json": Array("{}".utf8), "empty.json": [],
        ])
        change(&repository)
        return repository
    }

    /// The same with weights in two files and an index.
    static func sharded(named: [String] = ["model-1.safetensors", "model-2.safetensors"]) -> HubServer.Repository {
        model { repository in
            repository.files["model.safetensors"] = nil
            for part in 1...3 { repository.files["model-\(part).safetensors"] = bytes(20_000, seed: part) }
            let map = named.map { "\"tensor.\($0)\": \"\($0)\"" }.joined(separator: ", ")
            repository.files["model.safetensors.index.json"] = Array("{\"weight_map\": {\(map)}}".utf8)
        }
    }

    func environment(_ change: [String: String] = [:]) -> HubEnvironment {
        HubEnvironment(server.environment(home: home.path).merging(change) { $1 })
    }

    /// How messages are fetched without waiting between tries.
    static var settings: FetchSettings {
        var settings = FetchSettings()
        settings.proxy = ""
        settings.environment = ["HOME": "/nonexistent"]
        settings.retrySeconds = 0.01
        return settings
    }

    @discardableResult
    func pull(
        _ name: String = HubBench.name, verifiesAll: Bool = false, _ change: [String: String] = [:]
    ) throws -> PulledModel {
        let environment = environment(change)
        return try ModelPull(
            ModelReference(name), into: HubCache(root: environment.cacheRoot()),
            from: HubClient(environment, settings: Self.settings), verifiesAll: verifiesAll
        ).run()
    }

    /// Pulls, and expects an error.
    func failure(_ name: String = HubBench.name, _ change: [String: String] = [:]) throws -> HubError {
        try #require(throws: HubError.self) { try pull(name, change) }
    }

    /// The folder of the model in the cache.
    var folder: String { home.path + "/hub/models--org--small" }

    var blobs: [String] { ((try? FileSystem.names(in: folder + "/blobs")) ?? []).sorted() }

    static var weightsDigest: String { SHA256.hexadecimal(of: weights) }

    /// Leaves what a pull leaves that was killed.
    func leave(_ bytes: [UInt8]) throws {
        try FileSystem.makeFolder(folder + "/blobs")
        try FileSystem.write(bytes, to: folder + "/blobs/\(Self.weightsDigest).incomplete")
    }

    var storedWeights: [UInt8]? { FileSystem.contents(of: folder + "/blobs/\(Self.weightsDigest)") }
}
