import Base
import Foundation
import Hub
import TestSupport
import Testing

@Suite("What a hub refuses, and what is no model", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct RefusalTests {
    @Test("A gated model: the page of the terms is named, with and without a token")
    func gated() throws {
        let bench = try HubBench(HubBench.model { $0.isGated = true })
        defer { bench.server.stop() }
        let page = bench.server.hub.address("/org/small")
        for token in ["", "hf_another"] {
            let error = try bench.failure(HubBench.name, ["HF_TOKEN": token])
            #expect(error.code == .gated && error.reason.contains("accept the terms at \(page)"), "\(error)")
            #expect(error.reason.contains("HF_TOKEN") == token.isEmpty)
            #expect(error.reason.contains("Access to model is restricted."))
            #expect(!error.description.contains("hf_another"))
        }
    }

    @Test("A model and a revision that are not there")
    func missing() throws {
        let bench = try HubBench()
        defer { bench.server.stop() }
        let model = try bench.failure("org/other")
        #expect(model.code == .noModel && model.description.hasPrefix("org/other: "))
        #expect(model.reason.contains("may not see it"))
        let secret = try bench.failure("org/other", ["HF_TOKEN": ""])
        #expect(secret.code == .noModel && secret.reason.contains("set HF_TOKEN"))
        let revision = try bench.failure("org/small@v9")
        #expect(revision.code == .noRevision && revision.reason.contains("'v9'"))
        #expect(!FileSystem.exists(bench.home.path + "/hub"))
    }

    @Test(
        "Servers that say only a status",
        arguments: [(401, HubError.Code.refused), (403, .gated), (404, .noModel), (500, .network)])
    func statuses(status: Int, code: HubError.Code) throws {
        let bench = try HubBench(hubFault: { _, _ in .answer(status) })
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(error.code == code, "\(error)")
    }

    @Test("A page in place of an answer, and a hub that is not there")
    func noHub() throws {
        let bench = try HubBench(hubFault: { _, _ in .answer(200, Array("<html>log in</html>".utf8)) })
        let error = try bench.failure()
        #expect(error.code == .badAnswer && error.reason.contains("no JSON"))
        bench.server.stop()
        #expect(try bench.failure(HubBench.name, ["HF_ENDPOINT": "http://127.0.0.1:1"]).code == .network)
        #expect(try bench.failure(HubBench.name, ["HF_ENDPOINT": "ftp://x"]).code == .badSetting)
    }

    @Test(
        "Names that lead out of the model's folder are refused before anything is fetched",
        arguments: [
            "../evil.json", "/etc/evil.json", "a/../../evil.json", "a//evil.json", "./evil.json", "evil\\u0000.json",
        ])
    func names(name: String) throws {
        let bench = try HubBench(HubBench.model { $0.listedNames["README.md"] = name })
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(error.code == .badAnswer && error.reason.contains("leads out of the model's folder"))
        #expect(!bench.server.hub.requests.contains { $0.path.contains("/resolve/") })
        #expect(!FileSystem.exists(bench.folder))
    }

    @Test("A commit that is none becomes no folder")
    func commit() throws {
        let bench = try HubBench(HubBench.model { $0.commit = "../../../x" })
        defer { bench.server.stop() }
        #expect(try bench.failure().code == .badAnswer)
    }

    @Test("A repository without safetensors: what it has instead is named")
    func otherWeights() throws {
        for (name, words) in [
            ("pytorch_model.bin", "it has pytorch_model.bin, but only safetensors are read"),
            ("weights.npz", "it has weights.npz, but only safetensors are read"),
            ("consolidated.safetensors", "it has consolidated.safetensors, which is not read by that name"),
            ("notes.txt", "it holds no weights"),
        ] {
            let bench = try HubBench(
                HubBench.model {
                    $0.files["model.safetensors"] = nil
                    $0.files["pytorch_model.bin"] = nil
                    $0.files[name] = [1]
                })
            defer { bench.server.stop() }
            let error = try bench.failure()
            #expect(error.code == .unusable && error.reason.contains(words), "\(error)")
        }
    }

    @Test("What else a model must have")
    func incomplete() throws {
        for (name, words) in [
            ("config.json", "no config.json"), ("tokenizer.model", "no tokenizer.model and no tokenizer.json"),
        ] {
            let bench = try HubBench(HubBench.model { $0.files[name] = nil })
            defer { bench.server.stop() }
            #expect(try bench.failure().reason.contains(words))
        }
        let bench = try HubBench(HubBench.sharded(named: ["model-1.safetensors", "model-9.safetensors"]))
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(error.code == .unusable && error.reason.contains("names model-9.safetensors"))
        let escaping = try HubBench(HubBench.sharded(named: ["../model-1.safetensors"]))
        defer { escaping.server.stop() }
        #expect(try escaping.failure().reason.contains("not beside it"))
    }

    @Test("A hub that has Git LFS pointers in place of files")
    func pointer() throws {
        let text = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5000000000\n"
        let bench = try HubBench(HubBench.model { $0.files["model.safetensors"] = Array(text.utf8) })
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(error.code == .unusable && error.reason.contains("Git LFS pointer"))
    }

    @Test("HF_HUB_OFFLINE forbids a pull", arguments: ["1", "TRUE", "yes", "on"])
    func offline(value: String) throws {
        let bench = try HubBench()
        defer { bench.server.stop() }
        #expect(try bench.failure(HubBench.name, ["HF_HUB_OFFLINE": value]).code == .offline)
        #expect(bench.server.hub.requestCount == 0)
    }
}
