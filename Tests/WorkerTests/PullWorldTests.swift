import Base
import Foundation
import TestSupport
import Testing

/// `paligemma pull` from a hub, and worlds that find the model by its name.
@Suite(
    "Models by their name on a hub, pulled and used by the real programs", .timeLimit(.minutes(15 * Sanitizer.slowness))
)
struct PullWorldTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../.."
    )
    .standardizedFileURL.path
    private static let miniature = root + "/Examples/miniature/model"
    private static let picture = root + "/Examples/pictures/three-shapes.jpg"
    private static let name = "tiny/miniature"

    private static func repository() throws -> HubServer.Repository {
        var files: [String: [UInt8]] = ["README.md": Array("# Miniature".utf8)]
        for name in try FileSystem.names(in: miniature) {
            files[name] = try FileBytes(path: miniature + "/" + name).bytes
        }
        var repository = HubServer.Repository(files)
        repository.isGated = true
        repository.revisions = ["v1"]
        return repository
    }

    private func pull(_ environment: [String: String], _ arguments: [String] = [PullWorldTests.name]) throws
        -> Programs.Outcome
    {
        try Programs.run(Programs.paligemma, ["pull"] + arguments, environment: environment)
    }

    private func answer(_ model: String, _ environment: [String: String]) throws -> [ReferenceAnswers.ResultLine] {
        let queue = try TestQueue()
        try queue.submit(["--prompt", "caption en", Self.picture])
        let outcome = try queue.work(ranks: 1, model: model, [], environment: environment)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try queue.results()
    }

    @Test("A pulled model answers by its name as its files do, in pg-worker and in paligemma")
    func use() throws {
        let server = try HubServer([Self.name: try Self.repository()])
        let home = try TemporaryFolder()
        let environment = server.environment(home: home.path)
        let before = try Programs.run(
            Programs.paligemma, ["inspect", "model", Self.name], environment: environment)
        #expect(before.status == 4 && before.errors.contains("run 'paligemma pull \(Self.name)'"))

        let pulled = try pull(environment)
        #expect(pulled.status == 0, "\(pulled.errors)")
        let directory = String(pulled.output.dropLast())
        #expect(directory.hasPrefix(home.path + "/hub/models--tiny--miniature/snapshots/"))
        // No display where there is no terminal: one line, which says what was done.
        #expect(pulled.errors.split(separator: "\n").count == 1 && pulled.errors.contains("8 files, "))
        #expect(server.store.requests.allSatisfy { $0.headers["authorization"] == nil })
        let again = try pull(environment)
        #expect(again.status == 0 && again.errors.contains("all there") && again.output == pulled.output)
        server.stop()

        let inspected = try Programs.run(
            Programs.paligemma, ["inspect", "model", Self.name], environment: environment)
        #expect(inspected.status == 0, "\(inspected.errors)")
        let byName = try answer(Self.name, environment)
        let byPath = try answer(Self.miniature, environment)
        #expect(byName.count == 1 && byName[0].error == nil && !byName[0].tokens.isEmpty)
        #expect(byName.map(\.tokens) == byPath.map(\.tokens) && byName.map(\.text) == byPath.map(\.text))

        let output = home.file("out.jsonl")
        let run = try Programs.run(
            Programs.paligemma,
            ["run", "--model", Self.name, "--ranks", "2", "--prompt", "caption en", Self.picture, "--output", output],
            environment: environment)
        #expect(run.status == 0, "\(run.errors)")
        let text = TextFile.read(output) ?? ""
        #expect(text.contains("\"model\":\"\(Self.name)@") || text.contains("\"model\": \"\(Self.name)@"), "\(text)")

        // A cache whose blobs are mounted elsewhere.
        FileSystem.removeTree(home.path + "/hub/models--tiny--miniature/blobs")
        let dangling = try Programs.run(
            Programs.worker, ["--model", Self.name, "--queue", home.file("q.db"), "--drain"], environment: environment)
        #expect(dangling.status == 4 && dangling.errors.contains("is a link to ../../blobs/"), "\(dangling.errors)")
        let offline = try pull(environment.merging(["HF_HUB_OFFLINE": "1"]) { $1 })
        #expect(offline.status == 3 && offline.errors.contains("HF_HUB_OFFLINE"))
        #expect(try pull(environment, ["no-name"]).status == 2)
    }

    @Test("A pull that is killed in the middle is continued, and several at once do each file once")
    func killed() throws {
        let repository = try Self.repository()
        let weights = try #require(repository.files["model.safetensors"])
        let digest = SHA256.hexadecimal(of: weights)
        let half = weights.count / 2
        let server = try HubServer(
            [Self.name: repository],
            storeFault: { request, count in
                guard count == 0, request.path.hasSuffix(digest) else { return nil }
                return .head(200, ["Content-Length: \(weights.count)", "ETag: \"store\""])
                    + [.bytes(Array(weights[..<half])), .stall]
            })
        defer { server.stop() }
        let home = try TemporaryFolder()
        let environment = server.environment(home: home.path)
        let folder = home.path + "/hub/models--tiny--miniature"
        func start(_ name: String) throws -> BackgroundProgram {
            try BackgroundProgram(
                Programs.paligemma, ["pull", Self.name],
                environment: BackgroundProgram.plainEnvironment.merging(environment) { $1 },
                output: home.file(name + ".out"), errors: home.file(name + ".err"))
        }
        let victim = try start("victim")
        let partial = folder + "/blobs/\(digest).incomplete"
        while victim.isRunning, (FileSystem.status(of: partial)?.st_size ?? 0) < half { usleep(10_000) }
        victim.signal(SIGKILL)
        victim.wait()
        #expect(!FileSystem.exists(folder + "/refs/main"))

        let others = try (0..<3).map { try start("other-\($0)") }
        for other in others { #expect(other.wait() == 0, "\(other.errors)") }
        #expect(Set(others.map(\.output)).count == 1)
        let requests = server.store.requests.filter { $0.path.hasSuffix(digest) }
        #expect(requests.map { $0.headers["range"] } == [nil, "bytes=\(half)-"])
        #expect(FileSystem.contents(of: folder + "/blobs/" + digest) == weights)
        #expect(try FileSystem.names(in: folder + "/blobs").count == 8)
    }
}
