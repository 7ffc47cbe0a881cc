import Base
import Foundation
import Hub
import TestSupport
import Testing

@Suite("Models are pulled into the shared cache", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct PullTests {
    private let commit = HubServer.Repository([:]).commit

    @Test("A pull lays out what huggingface_hub would, of the files that the engine reads")
    func layout() throws {
        let bench = try HubBench()
        defer { bench.server.stop() }
        let pulled = try bench.pull()
        #expect(pulled.directory == bench.folder + "/snapshots/\(commit)")
        #expect(pulled.files == 4 && pulled.bytes == pulled.fetchedBytes)
        #expect(FileSystem.contents(of: bench.folder + "/refs/main") == Array(commit.utf8))
        let names = try FileSystem.names(in: pulled.directory).sorted()
        #expect(names == ["config.json", "empty.json", "model.safetensors", "tokenizer.model"])
        let files = HubBench.model().files
        for name in names {
            let bytes = try #require(files[name])
            let digest = bytes.count > 1000 ? SHA256.hexadecimal(of: bytes) : SHA1.gitBlob(bytes)
            #expect(FileSystem.target(ofLink: pulled.directory + "/" + name) == "../../blobs/\(digest)")
            #expect(FileSystem.contents(of: pulled.directory + "/" + name) == bytes)
        }
        #expect(bench.blobs.count == 4)
        #expect(try FileSystem.names(in: bench.folder).sorted() == ["blobs", "refs", "snapshots"])
    }

    @Test("The token goes to the hub with every request, and never to the server that it sends to")
    func token() throws {
        let bench = try HubBench(HubBench.model { $0.isGated = true })
        defer { bench.server.stop() }
        try bench.pull()
        #expect(bench.server.hub.requests.allSatisfy { $0.headers["authorization"] == "Bearer \(HubServer.token)" })
        #expect(bench.server.store.requestCount == 2)
        #expect(
            bench.server.store.requests.allSatisfy { request in
                request.headers["authorization"] == nil && !"\(request)".contains(HubServer.token)
            })
        #expect(bench.server.hub.requests.allSatisfy { $0.headers["accept-encoding"] == "identity" })
    }

    @Test("A redirect inside the hub is followed with the token")
    func redirectInside() throws {
        let bytes = try #require(HubBench.model().files["config.json"])
        let bench = try HubBench(hubFault: { request, _ in
            if request.path == "/cache/config.json" {
                guard request.headers["authorization"] == "Bearer \(HubServer.token)" else { return .answer(401) }
                return .file(bytes, tag: "W/\"\(SHA1.gitBlob(bytes))\"", for: request)
            }
            return request.path.hasSuffix("/config.json") ? .redirect(to: "/cache/config.json", 307) : nil
        })
        defer { bench.server.stop() }
        #expect(try bench.pull().files == 4)
        #expect(bench.server.hub.requests.contains { $0.path == "/cache/config.json" })
    }

    @Test("What is there is not fetched again, also where another revision has it")
    func again() throws {
        let bench = try HubBench(HubBench.model { $0.revisions = ["v1", "refs/pr/1"] })
        defer { bench.server.stop() }
        try bench.pull()
        let before = bench.server.hub.requestCount
        for revision in ["", "@v1", "@refs/pr/1", "@" + commit] {
            let pulled = try bench.pull(HubBench.name + revision)
            #expect(pulled.fetchedBytes == 0 && pulled.commit == commit)
        }
        #expect(bench.server.store.requestCount == 2)
        // Two questions each: revision and listing.
        #expect(bench.server.hub.requestCount == before + 8)
        #expect(bench.server.hub.requests.contains { $0.path.hasSuffix("/revision/refs%2Fpr%2F1") })
        for ref in ["main", "v1", "refs/pr/1"] {
            #expect(FileSystem.contents(of: bench.folder + "/refs/" + ref) == Array(commit.utf8))
        }
        // A commit needs no ref.
        #expect(try FileSystem.names(in: bench.folder + "/refs").sorted() == ["main", "refs", "v1"])
    }

    @Test(
        "The listing comes in pages, also where a mirror hands on links to the hub that it mirrors",
        arguments: [true, false])
    func pages(isMirror: Bool) throws {
        let bench = try HubBench(
            HubBench.model {
                $0.pageSize = 2
                $0.linkBase = isMirror ? "http://hub.invalid" : nil
            })
        defer { bench.server.stop() }
        #expect(try bench.pull().files == 4)
        #expect(bench.server.hub.requests.count { $0.path.contains("/tree/") } == 4)
    }

    @Test("The index says which weights are fetched")
    func index() throws {
        let bench = try HubBench(HubBench.sharded())
        defer { bench.server.stop() }
        let pulled = try bench.pull()
        let names = try FileSystem.names(in: pulled.directory).filter { $0.hasSuffix("safetensors") }.sorted()
        #expect(names == ["model-1.safetensors", "model-2.safetensors"])
        #expect(pulled.files == 6 && pulled.bytes == pulled.fetchedBytes)
        #expect(try ModelLocation.directory(of: HubBench.name, environment: bench.environment()) == pulled.directory)
    }

    @Test("An adapter is pulled too")
    func adapter() throws {
        let repository = HubServer.Repository([
            "adapter_config.json": Array("{}".utf8), "adapter_model.safetensors": HubBench.bytes(4000),
        ])
        let bench = try HubBench(repository)
        defer { bench.server.stop() }
        #expect(try bench.pull().files == 2)
    }

    @Test("A hub that lists no digests is asked for them")
    func digestsOfHeads() throws {
        let bench = try HubBench(HubBench.model { $0.hidesDigests = true })
        defer { bench.server.stop() }
        #expect(try bench.pull().files == 4)
        #expect(bench.storedWeights == HubBench.weights)
    }

    @Test("Pulls of one model at once fetch each file once")
    func atOnce() throws {
        let bench = try HubBench(
            storeFault: { request, count in
                guard count == 0, request.path.hasSuffix(HubBench.weightsDigest) else { return nil }
                // Slowly, so that the others come meanwhile.
                usleep(300_000)
                return nil
            })
        defer { bench.server.stop() }
        let ended = DispatchSemaphore(value: 0)
        let results = Locked<[Result<PulledModel, any Error>]>([])
        for _ in 0..<4 {
            Thread.start("puller") {
                let result = Result { try bench.pull() }
                results.withLock { $0.append(result) }
                ended.signal()
            }
        }
        for _ in 0..<4 { ended.wait() }
        #expect(try results.withLock { $0 }.allSatisfy { try $0.get().files == 4 })
        #expect(bench.server.store.requestCount == 2)
        #expect(bench.storedWeights == HubBench.weights)
        #expect(bench.blobs.count == 4)
    }

    @Test("Where it is asked to, damaged files that are there are found and fetched again")
    func verification() throws {
        let bench = try HubBench()
        defer { bench.server.stop() }
        try bench.pull()
        var damaged = HubBench.weights
        damaged[100] ^= 1
        try FileSystem.write(damaged, to: bench.folder + "/blobs/\(HubBench.weightsDigest)")
        #expect(try bench.pull().fetchedBytes == 0)
        #expect(try bench.pull(verifiesAll: true).fetchedBytes == Int64(HubBench.weights.count))
        #expect(bench.storedWeights == HubBench.weights)
        // One of another size is found without.
        try FileSystem.write([1], to: bench.folder + "/blobs/\(HubBench.weightsDigest)")
        #expect(try bench.pull().fetchedBytes == Int64(HubBench.weights.count))
        #expect(bench.storedWeights == HubBench.weights)
    }
}
