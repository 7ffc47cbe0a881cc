import Base
import Foundation
import Hub
import TestSupport
import Testing

@Suite("Where a model lies that a person names", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct LocationTests {
    private func reason(_ given: String, _ environment: HubEnvironment) -> String? {
        do throws(HubError) {
            _ = try ModelLocation.directory(of: given, environment: environment)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("What is there goes first; what is no model's name stays as it is")
    func directories() throws {
        let folder = try TemporaryFolder()
        let environment = HubEnvironment(["HF_HOME": folder.path])
        try folder.write("{}", to: "model/config.json")
        for given in [folder.file("model"), folder.path, "missing", "/a/b", "../a/b", "a/b/c", "models/x.gguf/y"] {
            #expect(try ModelLocation.directory(of: given, environment: environment) == given)
        }
    }

    @Test("A model of the cache is found by branch, tag, pull request and commit, without the network")
    func found() throws {
        let bench = try HubBench(HubBench.model { $0.revisions = ["v1", "refs/pr/1"] })
        let pulled = try bench.pull()
        for revision in ["v1", "refs/pr/1"] { try bench.pull("org/small@" + revision) }
        bench.server.stop()
        let environment = bench.environment(["HF_HUB_OFFLINE": "1"])
        for revision in ["", "@main", "@v1", "@refs/pr/1", "@" + pulled.commit] {
            #expect(
                try ModelLocation.directory(of: "org/small" + revision, environment: environment) == pulled.directory)
        }
        #expect(ModelLocation.name(ofSnapshot: pulled.directory) == "org/small@012345678901")
        #expect(ModelLocation.name(ofSnapshot: "/models/x") == nil)
    }

    @Test("What is not there, or not as a whole, has the line that brings it")
    func absent() throws {
        let bench = try HubBench(HubBench.sharded())
        defer { bench.server.stop() }
        let environment = bench.environment()
        #expect(
            reason("org/small", environment)
                == "org/small: there is no such directory, and the cache \(bench.home.path)/hub has no such model; "
                + "run 'paligemma pull org/small'")
        let pulled = try bench.pull()
        let other = reason("org/small@v2", environment) ?? ""
        #expect(other.contains("no revision v2 of it (it has org/small@\(pulled.commit))"))
        #expect(other.hasSuffix("run 'paligemma pull org/small@v2'"))
        FileSystem.remove(pulled.directory + "/model-2.safetensors")
        #expect(
            reason("org/small", environment)?.contains("is not complete: it lacks model-2.safetensors; run") == true)
        try bench.pull()
        #expect(reason("org/small", environment) == nil)
        FileSystem.remove(pulled.directory + "/tokenizer.model")
        #expect(reason("org/small", environment)?.contains("it has no tokenizer.model and no tokenizer.json") == true)
        FileSystem.removeTree(pulled.directory)
        #expect(reason("org/small", environment)?.contains("snapshot") == true)
    }

    @Test("Links to nothing are left to those who read the model, who say what they are")
    func dangling() throws {
        let bench = try HubBench(HubBench.sharded())
        defer { bench.server.stop() }
        let pulled = try bench.pull()
        FileSystem.removeTree(bench.folder + "/blobs")
        #expect(try ModelLocation.directory(of: "org/small", environment: bench.environment()) == pulled.directory)
    }

    @Test("A ref that another program ended with a line feed is read; one that names no commit is none")
    func refs() throws {
        let bench = try HubBench()
        defer { bench.server.stop() }
        let pulled = try bench.pull()
        try FileSystem.write(Array("\(pulled.commit)\n".utf8), to: bench.folder + "/refs/main")
        #expect(reason("org/small", bench.environment()) == nil)
        try FileSystem.write(Array("../../..".utf8), to: bench.folder + "/refs/main")
        #expect(reason("org/small", bench.environment())?.contains("no revision main") == true)
    }

    @Test(
        "What is no name of a model",
        arguments: [
            "", "a", "a/b/c", "/a", "a/", "a/b@", "a/..", ".a/b", "a/b.git", "a--b/c", "a/b c", "a/b@../x",
            "a/b@x/../y",
            "a/b@/x", "a/b@x//y", "a/b@x y", "a/b@x\n", "a/b@-\u{1B}",
        ])
    func badNames(text: String) {
        #expect(throws: HubError.self) { try ModelReference(text) }
    }

    @Test("Names and revisions")
    func goodNames() throws {
        let plain = try ModelReference("google/paligemma2-3b-mix-448")
        #expect(plain.revision == "main" && "\(plain)" == "google/paligemma2-3b-mix-448")
        let slashes = try ModelReference("a.b/c_d@refs/pr/1")
        #expect(slashes.name == "a.b/c_d" && slashes.revision == "refs/pr/1")
        #expect(slashes.pullCommand == "paligemma pull a.b/c_d@refs/pr/1")
    }

    @Test("Cache, endpoint and token come from the variables of huggingface_hub, in its order")
    func environment() throws {
        func root(_ variables: [String: String]) throws -> String { try HubEnvironment(variables).cacheRoot() }
        #expect(try root(["HOME": "/h"]) == "/h/.cache/huggingface/hub")
        #expect(try root(["HOME": "/h", "XDG_CACHE_HOME": "/x"]) == "/x/huggingface/hub")
        #expect(try root(["HOME": "/h", "XDG_CACHE_HOME": "/x", "HF_HOME": "~/f"]) == "/h/f/hub")
        #expect(try root(["HF_HOME": "/f", "HUGGINGFACE_HUB_CACHE": "/g"]) == "/g")
        #expect(try root(["HF_HOME": "/f", "HUGGINGFACE_HUB_CACHE": "/g", "HF_HUB_CACHE": "/c"]) == "/c")
        #expect(try HubEnvironment([:]).endpoint() == "https://huggingface.co")
        #expect(try HubEnvironment(["HF_ENDPOINT": "https://mirror/hub/"]).endpoint() == "https://mirror/hub")

        let folder = try TemporaryFolder()
        try folder.write("hf_home\n", to: "token")
        let path = try folder.write(" hf_path \n", to: "other")
        func token(_ variables: [String: String]) throws -> String? {
            try HubEnvironment(variables.merging(["HF_HOME": folder.path]) { $1 }).token()
        }
        #expect(try token([:]) == "hf_home")
        #expect(try token(["HF_TOKEN_PATH": path]) == "hf_path")
        #expect(try token(["HF_TOKEN_PATH": path, "HUGGING_FACE_HUB_TOKEN": "hf_old"]) == "hf_old")
        #expect(try token(["HF_TOKEN": "hf_new\n", "HUGGING_FACE_HUB_TOKEN": "hf_old"]) == "hf_new")
        #expect(try HubEnvironment(["HF_HOME": "/nonexistent"]).token() == nil)
        let error = try #require(throws: HubError.self) { try token(["HF_TOKEN": "a\r\nX-Evil: 1"]) }
        #expect(error.code == .badSetting && !error.description.contains("Evil"))
    }
}
