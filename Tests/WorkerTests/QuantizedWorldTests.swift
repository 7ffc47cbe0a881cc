import Foundation
import TestSupport
import Testing

@Suite("Worlds with --precision int8", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct QuantizedWorldTests {
    /// A copy of a model, so that tests that run at the same time make files of their own.
    private func copy(_ model: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for name in try FileManager.default.contentsOfDirectory(atPath: model) where !name.hasPrefix(".") {
            try FileManager.default.copyItem(atPath: model + "/" + name, toPath: folder.file(name))
        }
        return folder
    }

    private func quantizedFiles(_ folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.contains("paligemma-int8-") }
    }

    @Test(
        "Forty jobs get the reference's answers where it is sure; ranks that start together quantize once",
        arguments: ["odd", "grouped", "second", "edge"],
        [1, 3, 4])
    func allJobs(name: String, ranks: Int) throws {
        let reference = try ReferenceAnswers(name)
        let model = try copy(reference.model)
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try queue.work(ranks: ranks, model: model.path, ["--precision", "int8"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.components(separatedBy: "quantizing the weights").count == 2, "\(outcome.errors)")
        #expect(quantizedFiles(model.path).count == 1)
        let results = try queue.results()
        #expect(results.count == reference.answers.count)
        // Of these small models the head alone is quantized. Found: 0.03 and 0.04.
        reference.expect(results, margin: 0.1, tolerance: 0.1)
    }

    /// The miniature is sure of nearly all its tokens. Where the exact mode gives its token more than nine tenths, the
    /// other modes have to give the same.
    @Test(
        "Tokens to which the exact mode gives more than nine tenths are the same with bf16 and int8",
        arguments: [1, 3, 4], ["bf16", "int8"])
    func sureAnswers(ranks: Int, precision: String) throws {
        let model = try copy(Fixtures.path("../../Examples/miniature/model"))
        var answers: [[String: ReferenceAnswers.ResultLine]] = []
        for precision in ["exact", precision] {
            let queue = try TestQueue()
            try queue.submit(["--prompt", "caption en", Fixtures.path("../../Examples/pictures")])
            let outcome = try queue.work(ranks: ranks, model: model.path, ["--precision", precision])
            #expect(outcome.status == 0, "\(outcome.errors)")
            answers.append(Dictionary(uniqueKeysWithValues: try queue.results().map { ($0.id, $0) }))
        }
        #expect(answers[0].count == 13 && answers[1].count == 13)
        for (id, exact) in answers[0] {
            let sure = exact.logprobs.prefix { $0 > -0.105 }.count
            #expect(answers[1][id]?.tokens.prefix(sure) == exact.tokens.prefix(sure), "\(id)")
        }
    }

    @Test("A queue belongs to one precision, and so does a world")
    func mixtures() throws {
        let reference = try ReferenceAnswers("odd")
        let model = try copy(reference.model)
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        #expect(try queue.work(ranks: 1, model: model.path).status == 0)
        let other = try queue.work(ranks: 1, model: model.path, environment: ["PALIGEMMA_PRECISION": "int8"])
        #expect(other.status == 5 && other.errors.contains("--precision int8"), "\(other.errors)")
        let rounded = try queue.work(ranks: 1, model: model.path, ["--precision", "bf16"])
        #expect(rounded.status == 5 && rounded.errors.contains("--precision bf16"), "\(rounded.errors)")
        let unknown = try queue.work(ranks: 1, model: model.path, ["--precision", "int4"])
        #expect(unknown.status == 2 && unknown.errors.contains("one of exact, bf16, int8"), "\(unknown.errors)")
    }

    @Test(
        "A world whose ranks differ in several settings does not start, and each setting is named",
        arguments: [
            (["--precision", "exact"], ["--precision", "int8"], "has --precision int8, but rank 0 on"),
            (
                ["--resize", "big_vision", "--precision", "exact"], ["--resize", "big_vision", "--precision", "int8"],
                "has --precision int8, but rank 0 on"
            ),
            (
                ["--resize", "pillow", "--precision", "exact"], ["--resize", "big_vision", "--precision", "int8"],
                "has --precision int8 and --resize big_vision, but rank 0 on"
            ),
            (["--resize", "pillow"], ["--resize", "big_vision"], "has --resize big_vision, but rank 0 on"),
        ])
    func differentSettings(first: [String], second: [String], message: String) throws {
        let reference = try ReferenceAnswers("odd")
        let model = try copy(reference.model)
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let rest = [Programs.worker, "--queue", queue.path, "--drain", "--model", model.path]
        let mixed = try Programs.run(
            "mpirun", ["--bind-to", "none", "-n", "1"] + rest + first + [":", "-n", "1"] + rest + second)
        #expect(mixed.status == 3, "\(mixed.errors)")
        #expect(mixed.errors.contains(message), "\(mixed.errors)")
        #expect(mixed.errors.contains("give every rank the same"), "\(mixed.errors)")
    }

    @Test(
        "Where rounded activations gain nothing, a world says so and answers as the exact mode does",
        arguments: [["PALIGEMMA_KERNELS": "scalar"], ["PALIGEMMA_KERNELS": "blas"]])
    func roundedNowhere(environment: [String: String]) throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try queue.work(
            ranks: 2, model: reference.model, ["--precision", "bf16"], environment: environment)
        #expect(outcome.status == 0 && outcome.errors.contains("bf16 is the exact mode here"), "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test(
        "Quantized weights go to the user's cache where the model's directory cannot be written; the message names both"
    )
    func places() throws {
        let reference = try ReferenceAnswers("odd")
        let model = try copy(reference.model)
        let cache = try TemporaryFolder()
        func work(_ cachePath: String) throws -> Programs.Outcome {
            let queue = try TestQueue()
            try queue.submit(["--jobs", reference.jobs])
            return try queue.work(
                ranks: 1, model: model.path, ["--precision", "int8"], environment: ["XDG_CACHE_HOME": cachePath])
        }
        #expect(try work(cache.path).status == 0)
        let name = try #require(quantizedFiles(model.path).first)
        // Even root cannot write into a directory's place.
        try FileManager.default.removeItem(atPath: model.file(name))
        try FileManager.default.createDirectory(atPath: model.file(name + ".part"), withIntermediateDirectories: false)
        #expect(try work(cache.path).status == 0)
        #expect(quantizedFiles(cache.path + "/paligemma") == [String(name.dropFirst())])
        let nowhere = try cache.write("a file", to: "nowhere")
        let refused = try work(nowhere)
        #expect(refused.status == 3 && refused.errors.contains("XDG_CACHE_HOME"), "\(refused.errors)")
    }
}
