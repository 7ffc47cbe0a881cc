import Foundation
import TestSupport
import Testing

@Suite("Worlds with adapters", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct AdapterWorldTests {
    private static func flags(_ checkpoint: String) -> [String] {
        (checkpoint == "odd" ? ["words", "all"] : ["words", "ends"]).flatMap { name in
            ["--adapter", "\(name)=" + Fixtures.path("goldens/adapters/\(checkpoint)/\(name)")]
        }
    }

    @Test(
        "Jobs with different adapters and none share batches, and each gets PEFT's answer",
        arguments: ["odd", "second"], [(1, "exact"), (3, "exact"), (5, "exact"), (8, "exact"), (3, "int8")])
    func allJobs(checkpoint: String, world: (ranks: Int, precision: String)) throws {
        let reference = try ReferenceAnswers("adapters/\(checkpoint)")
        let folder = try TemporaryFolder()
        let source = Fixtures.path("goldens/\(checkpoint)")
        for name in ["config.json", "model.safetensors", "tokenizer.model"] {
            try FileManager.default.copyItem(atPath: source + "/" + name, toPath: folder.file(name))
        }
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try queue.work(
            ranks: world.ranks, model: folder.path, Self.flags(checkpoint) + ["--precision", world.precision])
        #expect(outcome.status == 0, "\(outcome.errors)")
        // Of these small models the head alone is quantized.
        let tolerance: Float = world.precision == "int8" ? 0.1 : 1e-3
        reference.expect(try queue.results(), margin: tolerance, tolerance: tolerance)
    }

    @Test("An adapter that a world does not have fails its job by name, and its neighbors are answered")
    func unknownAdapter() throws {
        let queue = try TestQueue()
        let picture = Fixtures.path("pictures/gray.jpg")
        let jobs = """
            {"id": "first", "images": ["\(picture)"], "prompt": "ocr", "max_tokens": 2, "adapter": "words"}
            {"id": "lost", "images": ["\(picture)"], "prompt": "ocr", "max_tokens": 2, "adapter": "word"}
            {"id": "no name", "images": ["\(picture)"], "prompt": "ocr", "max_tokens": 2, "adapter": 3}
            {"id": "last", "images": ["\(picture)"], "prompt": "ocr", "max_tokens": 2}
            """
        try queue.submit(["--jobs", try queue.folder.write(jobs, to: "jobs.jsonl")], status: 1)
        try queue.submit(["--prompt", "caption en", "--max-tokens", "2", "--use-adapter", "all", picture])
        let outcome = try queue.work(ranks: 2, model: Fixtures.path("goldens/odd"), Self.flags("odd"))
        #expect(outcome.status == 1, "\(outcome.errors)")
        let results = Dictionary(uniqueKeysWithValues: try queue.results().map { ($0.id, $0) })
        #expect(results.count == 5)
        for id in ["first", "last", picture] { #expect(results[id]?.tokens.isEmpty == false, "\(id)") }
        #expect(results["lost"]?.error?.code == "unknown_adapter")
        #expect(results["lost"]?.error?.message.contains("all, words") == true)
        let noName = results.values.first { $0.error?.code == "invalid_job" }
        #expect(noName?.error?.message.contains("\"adapter\" must be the name") == true)
    }

    @Test("A queue belongs to a model with its adapters, and so does a world; what is no adapter ends it at the start")
    func refusals() throws {
        let reference = try ReferenceAnswers("adapters/odd")
        let model = Fixtures.path("goldens/odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        // From the variable as from the flag.
        let list = Self.flags("odd").filter { $0 != "--adapter" }.joined(separator: ",")
        #expect(try queue.work(ranks: 1, model: model, environment: ["PALIGEMMA_ADAPTER": list]).status == 0)
        reference.expect(try queue.results())
        let other = try queue.work(ranks: 1, model: model)
        #expect(other.status == 5 && other.errors.contains("--adapter all and words"), "\(other.errors)")
        let rest = ["--queue", queue.path, "--drain", "--model", model]
        let mixed = try Programs.run(
            "mpirun",
            ["--bind-to", "none", "-n", "1", Programs.worker] + rest + Self.flags("odd") + [":", "-n", "1"]
                + [Programs.worker] + rest)
        #expect(mixed.status == 3 && mixed.errors.contains("--adapter"), "\(mixed.errors)")

        for (flag, word) in [
            ("words", "name=DIR"), ("words=/nowhere", "/nowhere"),
            ("words=" + Fixtures.path("goldens/adapters/second/words"), "another model"),
        ] {
            let refused = try queue.work(ranks: 2, model: model, ["--adapter", flag])
            #expect(refused.status == 4 && refused.errors.contains(word), "\(refused.errors)")
        }
    }
}
