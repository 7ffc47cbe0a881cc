import Foundation
import Testing

/// `bench` through real worlds of a tiny model: what it prints, not how fast it is.
@Suite("The bench command", .timeLimit(.minutes(15)))
struct BenchTests {
    let bench: CommandBench

    init() throws {
        bench = try CommandBench()
        try FileManager.default.removeItem(atPath: bench.path("bin/pg-worker"))
        try FileManager.default.createSymbolicLink(
            atPath: bench.path("bin/pg-worker"), withDestinationPath: try CommandBench.built("pg-worker"))
    }

    /// A JSON object whose figures are asked for by a path of keys.
    private struct Figures {
        let root: Any

        init(_ text: String) throws {
            root = try JSONSerialization.jsonObject(with: Data(text.utf8))
        }

        subscript(path: String) -> Any? {
            path.split(separator: ".").reduce(root) { value, key in (value as? [String: Any])?[String(key)] }
        }

        func number(_ path: String) -> Double { (self[path] as? NSNumber)?.doubleValue ?? .nan }
        func numbers(_ path: String) -> [Double] { self[path] as? [Double] ?? [] }
    }

    private func expectArithmetic(_ figures: Figures, _ path: String) {
        for key in ["seconds", "operations", "gflops"] {
            #expect(figures.number("\(path).\(key)") > 0, "\(path).\(key)")
        }
        let share = figures.number("\(path).share")
        #expect(share > 0 && share < 100, "\(path).share is \(share)")
    }

    @Test("A tiny model is measured through a real world")
    func wholeMeasurement() throws {
        let outcome = try bench.run(
            "bench", "--shape", "tiny", "--layers", "1", "--ranks", "3", "--batch", "2", "--new-tokens", "3",
            "--model-cache", "models", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(FileManager.default.fileExists(atPath: bench.path("models/tiny-1-layers/config.json")))
        let figures = try Figures(outcome.output)
        for path in [
            "vision.whole", "vision.linear", "vision.attention", "prefill.whole", "prefill.linear",
            "prefill.attention", "decoding.attention", "whole.arithmetic",
        ] { expectArithmetic(figures, path) }
        for path in ["decoding.whole", "decoding.linear"] {
            for key in ["seconds", "bytes", "gbs", "share"] { #expect(figures.number("\(path).\(key)") > 0, "\(path)") }
        }
        // A random model never ends an answer by itself; the first token of each comes out of the prefill.
        #expect(figures.number("whole.tokens") == 6)
        #expect(figures.number("decoding.steps") * figures.number("decoding.sequences_per_step") == 4)
        #expect(figures.number("vision.pictures") == 2)
        for key in ["start_seconds", "process_seconds", "pictures_per_second"] {
            #expect(figures.number("whole.\(key)") > 0, "\(key)")
        }
        for key in ["sgemm_gflops", "memory_gbs"] {
            let values = figures.numbers("limit.\(key)")
            #expect(values.count == 2 && values.allSatisfy { $0 > 0 }, "\(key) is \(values)")
        }
        let ranks = try #require(figures["rank_reports"] as? [[String: Any]])
        #expect(ranks.map { $0["rank"] as? Int } == [0, 1, 2])
        #expect(ranks.map { $0["stages"] as? [String] } == [["vision"], ["Gemma"], ["Gemma"]])
        for rank in ranks {
            for key in ["computing_seconds", "work_wait_seconds", "sent_bytes_per_picture", "peak_memory_bytes"] {
                #expect((rank[key] as? Double ?? 0) > 0, "\(key) of \(rank)")
            }
            for key in ["collective_wait_seconds", "feature_wait_seconds", "private_memory_bytes"] {
                #expect((rank[key] as? Double ?? -1) >= 0, "\(key) of \(rank)")
            }
        }
    }

    @Test("The table has a line for everything that is measured")
    func table() throws {
        let outcome = try bench.run(
            "bench", "--shape", "tiny", "--ranks", "1", "--batch", "1", "--new-tokens", "2", "--model-cache", "models",
            environment: ["TMPDIR": temporaryFolder()])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let lines = outcome.output.split(separator: "\n")
        let starts = lines.map { $0.split(separator: " ").first.map(String.init) ?? "" }
        for label in ["vision", "prefill", "decoding", "whole", "start", "rank", "0", "sgemm", "plain"] {
            #expect(starts.contains(label), "no line for \(label) in:\n\(outcome.output)")
        }
        #expect(starts.count { $0 == "linear" } == 3)
        #expect(starts.count { $0 == "attention" } == 3)
        #expect(outcome.errors.contains("written  "))
        #expect(try leftFolders().isEmpty)
    }

    @Test("An interrupt ends a measurement at once and leaves no files")
    func interrupt() throws {
        let command = try RunningCommand(
            bench,
            [
                "bench", "--shape", "tiny", "--ranks", "1", "--batch", "64", "--new-tokens", "8000", "--model-cache",
                "models",
            ],
            environment: ["TMPDIR": temporaryFolder()])
        #expect(command.waitUntil { command.errorsSoFar.contains("captioning 64 pictures") })
        command.interrupt()
        let outcome = try command.wait()
        #expect(outcome.code == 130, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        #expect(try leftFolders().isEmpty)
    }

    private func temporaryFolder() throws -> String {
        try FileManager.default.createDirectory(atPath: bench.path("tmp"), withIntermediateDirectories: true)
        return bench.path("tmp")
    }

    private func leftFolders() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: bench.path("tmp")).filter {
            $0.hasPrefix("paligemma-bench-")
        }
    }

    @Test("A report that lacks a counter is an error that names the counter")
    func missingCounter() throws {
        try FileManager.default.removeItem(atPath: bench.path("bin/pg-worker"))
        let report = #"{"seconds": 1, "ranks": [{"rank": 0, "peak_memory_bytes": 1, "processor_seconds": 1}]}"#
        let script = """
            report=$(tail -n 1 '\(bench.folder)/started' | sed 's/.*--report //; s/ .*//')
            '\(try CommandBench.built("queue-stress"))' "$QUEUE" world 600000 0
            echo '\(report)' > "$report"
            """
        try bench.installWorker(script)
        let outcome = try bench.run(
            "bench", "--shape", "tiny", "--layers", "1", "--ranks", "1", "--batch", "1", "--new-tokens", "2",
            "--model-cache", "models")
        #expect(outcome.code == 70, "\(outcome.errors)")
        #expect(outcome.errors.contains("the report of rank 0 has no counter encoded_pictures"), "\(outcome.errors)")
    }

    @Test("The limit is measured whatever settings the environment has")
    func limit() throws {
        let outcome = try bench.run(
            "bench", "limit", "2", "0.1", "5x7x9", "memory", environment: ["OPENBLAS_NUM_THREADS": "1"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let rates = outcome.output.split(separator: "\n").map { $0.split(separator: "\t").first.flatMap { Double($0) } }
        #expect(rates.count == 2 && rates.allSatisfy { ($0 ?? 0) > 0 }, "\(outcome.output)")
    }

    @Test("A wrong flag is named with what is expected")
    func wrongFlags() throws {
        let cases: [(arguments: [String], part: String)] = [
            ([], "--shape"),
            (["--shape", "7b-224"], "3b-224, 3b-448, 3b-896"),
            (["--shape", "tiny", "--precision", "int4"], "exact"),
            (["--shape", "tiny", "--batch", "0"], "--batch"),
            (["--shape", "tiny", "--new-tokens", "-1"], "--new-tokens"),
            (["--shape", "tiny", "--layers", "0"], "layer"),
            (["--shape", "tiny", "--ranks", "99"], "ranks"),
            (["--shape", "tiny", "--threads", "0"], "--threads"),
            (["kernels", "--kernels", "mmx"], "mmx"),
        ]
        for (arguments, part) in cases {
            let outcome = try RunningCommand(bench, ["bench", "--model-cache", "models"] + arguments).wait()
            #expect(outcome.code == 2, "\(arguments)")
            #expect(outcome.errors.contains(part), "\(arguments): \(outcome.errors)")
        }
        #expect(!bench.exists("models"))
    }
}
