import Foundation
import PaliGemma
import Tensor
import TestSupport
import Testing

@Suite("Worlds of real ranks", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct WorldTests {
    @Test(
        "Forty mixed jobs get the reference's answers from any number of ranks",
        arguments: ["odd", "grouped"], [1, 2, 3, 4, 5, 6, 8])
    func anyNumberOfRanks(name: String, ranks: Int) throws {
        let reference = try ReferenceAnswers(name)
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try queue.work(ranks: ranks, model: reference.model)
        #expect(outcome.status == 0, "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test(
        "PaliGemma 2 answers as the reference does, with the sliding window and without",
        arguments: ["second", "edge"], [(1, false), (1, true), (3, true), (4, false), (8, true)])
    func gemma2(name: String, world: (ranks: Int, window: Bool)) throws {
        let reference = try ReferenceAnswers(name, window: world.window)
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try queue.work(
            ranks: world.ranks, model: reference.model, world.window ? ["--sliding-window"] : [])
        #expect(outcome.status == 0, "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test("A queue belongs to one window, and so does a world; for Gemma 1 the window changes nothing")
    func windows() throws {
        let window = ["PALIGEMMA_SLIDING_WINDOW": "1"]
        let reference = try ReferenceAnswers("edge", window: true)
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        #expect(try queue.work(ranks: 1, model: reference.model, environment: window).status == 0)
        let other = try queue.work(ranks: 1, model: reference.model)
        #expect(other.status == 5 && other.errors.contains("--sliding-window"), "\(other.errors)")
        let rest = ["--queue", queue.path, "--drain", "--model", reference.model]
        let mixed = try Programs.run(
            "mpirun",
            ["--bind-to", "none", "-n", "1", Programs.worker] + rest + ["--sliding-window", ":", "-n", "1"]
                + [Programs.worker] + rest)
        #expect(mixed.status == 3 && mixed.errors.contains("give every rank the same"), "\(mixed.errors)")

        let first = try ReferenceAnswers("odd")
        let firstQueue = try TestQueue()
        try firstQueue.submit(["--jobs", first.jobs])
        #expect(try firstQueue.work(ranks: 1, model: first.model, environment: window).status == 0)
        #expect(try firstQueue.work(ranks: 1, model: first.model).status == 0)
    }

    @Test("Three worlds of several sizes share a queue, with pictures in it or beside it", arguments: [false, true])
    func manyWorlds(onServer: Bool) throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try onServer ? TestQueue(server: PostgresServer.shared()) : TestQueue()
        try queue.submit(["--jobs", reference.jobs] + (onServer ? ["--embed"] : []))
        let model = reference.model
        let outcomes = Collected()
        DispatchQueue.concurrentPerform(iterations: 3) { index in
            outcomes.add(Result { try queue.work(ranks: [1, 2, 3][index], model: model, ["--batch-rows", "1"]) })
        }
        for outcome in outcomes.values {
            let outcome = try outcome.get()
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(outcomes.values.count == 3)
        reference.expect(try queue.results())
    }

    @Test("Several vision ranks and every tight bound give the same answers", arguments: [2, 3])
    func visionRanks(count: Int) throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        // One picture a micro-batch, and keys and values for about three sequences.
        let outcome = try queue.work(
            ranks: count + 2, model: reference.model,
            ["--vision-ranks", "\(count)", "--batch-rows", "1", "--kv-budget", "50k"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test(
        "Every set of kernels of this processor gives the same answers", arguments: ["grouped", "edge"],
        Kernels.available.map(\.name))
    func kernels(name: String, level: String) throws {
        let reference = try ReferenceAnswers(name)
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try queue.work(ranks: 2, model: reference.model, environment: ["PALIGEMMA_KERNELS": level])
        #expect(outcome.status == 0, "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test(
        "A set of kernels that this processor does not have is refused, with the reason and the sets that it has",
        arguments: Kernels.Level.allCases.filter { $0.obstacle != nil }.map(\.rawValue) + ["sse9"])
    func unavailableKernels(name: String) throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try queue.work(ranks: 1, model: reference.model, environment: ["PALIGEMMA_KERNELS": name])
        #expect(
            outcome.status == 2 && outcome.errors.contains("the kernels \(name) cannot be used"), "\(outcome.errors)")
        #expect(outcome.errors.contains(Kernels.Level(rawValue: name)?.obstacle ?? "scalar"), "\(outcome.errors)")
        #expect(outcome.errors.contains("scalar, "), "\(outcome.errors)")
    }

    /// Bytes of the magic, the kind, the routing, the header's checksum and the numbers.
    @Test(
        "A byte flipped anywhere in a Features frame fails that picture alone", arguments: [1, 2, 4],
        [0, 6, 24, 41, 300])
    func damagedFeatures(ranks: Int, byte: Int) throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        // Pictures are numbered in the order of the jobs; the first job has two.
        let outcome = try queue.work(
            ranks: ranks, model: reference.model, environment: ["PALIGEMMA_FAULT": "flip-features:5:\(byte)"])
        #expect(outcome.status == 1, "\(outcome.errors)")
        let results = try queue.results()
        reference.expect(results, except: ["job-3"])
        let failed = results.filter { $0.error != nil }
        #expect(failed.map(\.id) == ["job-3"] && failed.first?.error?.code == "features_damaged")
    }

    @Test("The same world again does nothing twice, and another model's world is refused")
    func resumption() throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        #expect(try queue.work(ranks: 1, model: reference.model).status == 0)
        let again = try queue.work(ranks: 2, model: reference.model)
        #expect(again.status == 0 && again.errors.contains("0 answered"))
        let other = try queue.work(ranks: 1, model: Fixtures.path("goldens/grouped"))
        #expect(other.status == 5 && other.errors.contains("belongs to"), "\(other.errors)")
        reference.expect(try queue.results())
    }

    @Test("A world that is not as it was asked for does not start, and reports the reason")
    func refusals() throws {
        let model = Fixtures.path("goldens/odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", model + "/jobs.jsonl"])
        let few = try queue.work(ranks: 2, model: model, ["--ranks-expected", "3"])
        #expect(few.status == 3 && few.errors.contains("3 ranks were asked for"), "\(few.errors)")
        let singleton = try queue.work(ranks: 1, model: model, environment: ["PMI_SIZE": "4"])
        #expect(singleton.status == 3 && singleton.errors.contains("Open MPI's mpirun"), "\(singleton.errors)")
        let noModel = try queue.work(ranks: 2, model: queue.folder.path)
        #expect(noModel.status == 4 && noModel.errors.contains("config.json"), "\(noModel.errors)")
        let noQueue = try Programs.world(ranks: 1, ["--model", model, "--queue", queue.folder.file("none.db")])
        #expect(noQueue.status == 5 && noQueue.errors.contains("none.db"), "\(noQueue.errors)")
        let usage = try Programs.world(ranks: 1, ["--model", model])
        #expect(usage.status == 2 && usage.errors.contains("PALIGEMMA_QUEUE"), "\(usage.errors)")
    }

    @Test(
        "A rank killed by SIGKILL, or a drain, loses nothing: the next world does the rest",
        arguments: ["rank", "drain"])
    func interruptions(kind: String) throws {
        let reference = try ReferenceAnswers("grouped")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let script = """
            mpirun --bind-to none -n 3 \(Programs.worker) --model \(reference.model) --queue \(queue.path) \
                --batch-rows 1 --lease-seconds 2 & world=$!
            for attempt in $(seq 500); do
                \(Programs.paligemma) status --queue \(queue.path) --json | grep -q '"done": *[1-9]' && break
                sleep 0.01
            done
            rank=$(grep -ls "^PPid:[[:space:]]*$world$" /proc/[0-9]*/status | tail -n 1 | cut -d / -f 3)
            if [ \(kind) = rank ]; then kill -9 $rank; else kill -USR1 $world; fi
            wait $world
            """
        let first = try Programs.run("bash", ["-c", script])
        if kind == "rank" {
            #expect(first.status == 137, "\(first.errors)")
        } else {
            #expect(first.status == 0, "\(first.errors)")
            let status = try Programs.run(Programs.paligemma, ["status", "--queue", queue.path, "--json"])
            #expect(
                status.output.contains("\"leased\": 0") || status.output.contains("\"leased\":0"), "\(status.output)")
        }
        let second = try queue.work(ranks: 2, model: reference.model)
        #expect(second.status == 0, "\(second.errors)")
        reference.expect(try queue.results())
    }

    @Test("Every bad job has its own line, and its neighbors are answered", arguments: [1, 3])
    func badJobs(ranks: Int) throws {
        let queue = try TestQueue()
        let folder = queue.folder
        let picture = Fixtures.path("pictures/gray.jpg")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: picture))
        try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: folder.file("cut.jpg")))
        try bytes.write(to: URL(fileURLWithPath: folder.file("changed.jpg")))
        _ = try folder.write("no picture", to: "text.png")
        _ = try folder.write("", to: "empty.png")
        let words = String(repeating: "cat ", count: 9000)
        let jobs = """
            {"id": "first", "images": ["\(picture)"], "prompt": "caption en", "max_tokens": 4}
            {"id": "truncated", "images": ["cut.jpg"], "prompt": "caption en"}
            {"id": "not_a_picture", "images": ["text.png"], "prompt": "caption en"}
            {"id": "empty", "images": ["empty.png"], "prompt": "caption en"}
            {"id": "missing", "images": ["nowhere.png"], "prompt": "caption en"}
            {"id": "is_directory", "images": ["."], "prompt": "caption en"}
            {"id": "changed", "images": ["changed.jpg"], "prompt": "caption en"}
            {"id": "image_marker_in_prompt", "images": ["\(picture)"], "prompt": "caption <image> en"}
            {"id": "prompt_too_long", "images": ["\(picture)"], "prompt": "\(words)"}
            {"id": "broken", "images": [}
            {"id": "empty prompt", "images": ["\(picture)"], "prompt": "", "max_tokens": 1}
            {"id": "long prompt", "images": ["\(picture)"], "prompt": "\(words.prefix(1200))", "max_tokens": 4}
            {"id": "last", "images": ["\(picture)", "\(picture)"], "prompt": "ocr", "max_tokens": 4}
            """
        try queue.submit(["--jobs", try folder.write(jobs, to: "jobs.jsonl")], status: 1)
        try (bytes + Data([0])).write(to: URL(fileURLWithPath: folder.file("changed.jpg")))
        let outcome = try queue.work(ranks: ranks, model: Fixtures.path("goldens/odd"))
        #expect(outcome.status == 1, "\(outcome.errors)")
        let results = try queue.results(["--sorted"])
        #expect(results.count == 13)
        for result in results {
            switch result.id {
            case "first", "last", "empty prompt", "long prompt":
                #expect(result.error == nil && !result.tokens.isEmpty, "\(result)")
            case let line where line.hasSuffix("jobs.jsonl line 10"): #expect(result.error?.code == "invalid_job")
            default: #expect(result.error?.code == result.id, "\(result)")
            }
        }
    }

    @Test("Ranks with different models do not start, and the host is named")
    func differentModels() throws {
        let queue = try TestQueue()
        try queue.submit(["--jobs", Fixtures.path("goldens/odd") + "/jobs.jsonl"])
        let rest = ["--queue", queue.path, "--drain", "--model"]
        let outcome = try Programs.run(
            "mpirun",
            ["--bind-to", "none", "-n", "1", Programs.worker] + rest + [Fixtures.path("goldens/odd")]
                + [":", "-n", "1", Programs.worker] + rest + [Fixtures.path("goldens/grouped")])
        #expect(outcome.status == 3, "\(outcome.errors)")
        #expect(outcome.errors.contains("another model") && outcome.errors.contains("rank 1 on"), "\(outcome.errors)")
    }

    @Test("A report counts what every rank did and waited for")
    func report() throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let path = queue.folder.file("report.json")
        #expect(try queue.work(ranks: 3, model: reference.model, ["--report", path]).status == 0)
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        let report = try #require(json as? [String: Any])
        #expect((report["seconds"] as? Double ?? 0) > 0)
        #expect((report["answered"] as? Int ?? 0) > 0)
        let ranks = try #require(report["ranks"] as? [[String: Double]])
        #expect(ranks.map { $0["rank"] } == [0, 1, 2])
        let everywhere = ["peak_memory_bytes", "processor_seconds", "waiting_for_work_seconds", "frames_sent_bytes"]
        let vision = ["encode_seconds", "vision_linear_operations", "vision_attention_seconds"]
        let text = ["prefill_linear_operations", "decode_linear_weight_bytes", "decode_steps", "collective_sent_bytes"]
        for (rank, own) in zip(ranks, [vision, text, text]) {
            for counter in everywhere + own { #expect((rank[counter] ?? 0) > 0, "\(counter) of \(rank)") }
        }
        // Both ranks of the group go through the same steps and the same rows.
        #expect(ranks[1]["decode_steps"] == ranks[2]["decode_steps"])
        #expect(ranks[1]["prefill_rows"] == ranks[2]["prefill_rows"])
        let unwritable = try queue.work(ranks: 1, model: reference.model, ["--report", "/nowhere/report.json"])
        #expect(unwritable.status == 3 && unwritable.errors.contains("/nowhere"), "\(unwritable.errors)")
    }

    @Test("A timeline tells what every rank did")
    func timeline() throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let path = queue.folder.file("timeline.json")
        #expect(try queue.work(ranks: 3, model: reference.model, ["--timeline", path]).status == 0)
        struct Event: Decodable {
            let ph, name, tid: String
            let pid: Int
            let ts, dur: Double
        }
        let events = try JSONDecoder().decode([Event].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(Set(events.map(\.pid)) == [0, 1, 2])
        #expect(Set(events.map(\.name)).isSuperset(of: ["encode", "prefill", "decode", "prepare"]))
        #expect(events.allSatisfy { $0.ph == "X" && $0.dur >= 0 })
    }
}

/// What several threads came to.
private final class Collected: @unchecked Sendable {
    // @unchecked: every access holds the lock.
    private let lock = NSLock()
    private var outcomes: [Result<Programs.Outcome, any Error>] = []

    var values: [Result<Programs.Outcome, any Error>] { lock.withLock { outcomes } }
    func add(_ outcome: Result<Programs.Outcome, any Error>) { lock.withLock { outcomes.append(outcome) } }
}
