import Foundation
import Queue
import Testing

/// `run` with a pg-worker that is a script: what it starts, how it continues, and how it ends.
@Suite("The run command", .timeLimit(.minutes(15)))
struct RunTests {
    let bench: CommandBench

    init() throws {
        bench = try CommandBench()
        try bench.writePictures(20)
    }

    private func start(_ more: [String] = []) throws -> RunningCommand {
        let arguments = ["run", "--model", "model", "--prompt", "ocr", "pictures", "--output", "out.jsonl"]
        return try RunningCommand(
            bench, arguments + more, environment: ["PATH": "/usr/bin:/bin", "PALIGEMMA_RESTART_PAUSE": "0.02"])
    }

    private func run(_ more: String...) throws -> CommandBench.Outcome {
        try start(more).wait()
    }

    @Test("Every picture gets a line, and the same command does nothing twice")
    func wholeRun() throws {
        let first = try run()
        #expect(first.code == 0)
        #expect(first.output.isEmpty)
        let text = try bench.read("out.jsonl")
        #expect(try bench.results("out.jsonl").count == 20)
        #expect(bench.worldsStarted.count == 1)
        #expect(bench.worldsStarted[0].contains("--model model --queue out.jsonl.queue --drain --ranks-expected 1"))

        let second = try run()
        #expect(second.code == 0)
        #expect(second.errors.contains("nothing left to do: 20 done"))
        #expect(bench.worldsStarted.count == 1)
        #expect(try bench.read("out.jsonl") == text)
    }

    @Test("A job that fails is a line, and the exit code is 1")
    func failedJob() throws {
        #expect(try run("missing.jpg").code == 1)
        let results = try bench.results("out.jsonl")
        #expect(results.count == 21)
        #expect(results.filter { !$0.answered }.map(\.id) == ["missing.jpg"])
        #expect(try run("missing.jpg").code == 1)
    }

    @Test("--sorted puts the lines in the order of the jobs")
    func sorted() throws {
        // The last picture is the most urgent, so it is answered first.
        let lines = (0..<10).map {
            #"{"images": ["pictures/00\#($0).jpg"], "prompt": "", "priority": \#($0)}"# + "\n"
        }
        try bench.write(lines.joined(), to: "jobs.jsonl")
        let arguments = ["run", "--model", "model", "--jobs", "jobs.jsonl", "--output", "sorted.jsonl"]
        #expect(try RunningCommand(bench, arguments).wait().code == 0)
        let expected = (0..<10).map { "pictures/00\($0).jpg" }
        #expect(try bench.results("sorted.jsonl").map(\.id) == expected.reversed())
        #expect(try RunningCommand(bench, arguments + ["--sorted"]).wait().code == 0)
        #expect(try bench.results("sorted.jsonl").map(\.id) == expected)
    }

    @Test("A file that ends inside a line is completed by the next run")
    func tornLine() throws {
        #expect(try run().code == 0)
        let text = try bench.read("out.jsonl")
        try bench.write(String(text.dropLast(100)), to: "out.jsonl")
        #expect(try run().code == 0)
        #expect(try bench.read("out.jsonl") == text)
    }

    @Test("--fresh starts over")
    func fresh() throws {
        #expect(try run().code == 0)
        #expect(try run("--fresh").code == 0)
        #expect(bench.worldsStarted.count == 2)
        #expect(try bench.results("out.jsonl").count == 20)
    }

    @Test("An output file that no run made is refused and not changed")
    func foreignFile() throws {
        try bench.write("mine\n", to: "out.jsonl")
        let outcome = try run()
        #expect(outcome.code == 2)
        #expect(try bench.read("out.jsonl") == "mine\n")
        #expect(bench.worldsStarted.isEmpty)
    }

    @Test("A dry run describes the work and does nothing")
    func dryRun() throws {
        let outcome = try run("--dry-run", "--ranks", "4", "--model", CommandBench.miniature)
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("20, 20 bytes"))
        #expect(outcome.output.contains("4 ranks: "))
        #expect(outcome.output.contains("rank 3"))
        #expect(try run("--dry-run").code == 4, "the model has no tensors")
        #expect(bench.worldsStarted.isEmpty)
        #expect(!bench.exists("out.jsonl.queue"))
    }

    @Test("A folder without pictures is a usage error")
    func noPictures() throws {
        let outcome = try bench.run("run", "--model", "model", "--prompt", "ocr", "model", "--output", "none.jsonl")
        #expect(outcome.code == 2)
        #expect(outcome.errors.contains("no pictures there"))
    }

    @Test("A broken line of a jobs file that was corrected leaves no trace")
    func mendedLine() throws {
        let arguments = ["run", "--model", "model", "--jobs", "jobs.jsonl", "--output", "lines.jsonl"]
        let good = #"{"images": ["pictures/000.jpg"], "prompt": ""}"# + "\n"
        try bench.write(good + "{\n", to: "jobs.jsonl")
        let broken = try RunningCommand(bench, arguments).wait()
        #expect(broken.code == 1)
        #expect(broken.errors.contains("jobs.jsonl line 2: "))
        #expect(try bench.results("lines.jsonl").map(\.answered).sorted { !$0 && $1 } == [false, true])

        try bench.write(good + #"{"images": ["pictures/001.jpg"], "prompt": ""}"#, to: "jobs.jsonl")
        #expect(try RunningCommand(bench, arguments).wait().code == 0)
        #expect(try bench.results("lines.jsonl").map(\.id) == ["pictures/000.jpg", "pictures/001.jpg"])
    }

    // MARK: Ends

    @Test("The first interrupt drains the world, and the same command continues")
    func firstInterrupt() throws {
        try bench.installStressWorker(pauseMilliseconds: 100)
        let command = try start()
        #expect(command.waitUntil { ((try? bench.read("out.jsonl")) ?? "").contains("\n") })
        command.interrupt()
        #expect(try command.wait().code == 130)
        let finished = try bench.results("out.jsonl").map(\.id)
        #expect(!finished.isEmpty && finished.count < 20)
        // What was in flight was given back, not left to its lease of ten minutes.
        let queue = try SQLiteQueue(path: bench.path("out.jsonl.queue"))
        #expect(try queue.counts().leased == 0)

        try bench.installStressWorker(pauseMilliseconds: 0)
        #expect(try run().code == 0)
        let all = try bench.results("out.jsonl").map(\.id)
        #expect(Array(all.prefix(finished.count)) == finished)
        #expect(Set(all).count == 20)
        #expect(all.count == 20)
    }

    @Test("SIGTERM drains the world too")
    func termination() throws {
        try bench.installStressWorker(pauseMilliseconds: 100)
        let command = try start()
        #expect(command.waitUntil { ((try? bench.read("out.jsonl")) ?? "").contains("\n") })
        command.terminate()
        #expect(try command.wait().code == 143)
    }

    @Test("The jobs that a dead world had leased are done by the next run")
    func leasesOfDeadWorld() throws {
        try bench.installWorker(
            "'\(CommandBench.built("queue-stress"))' \"$QUEUE\" world 600000 100 & sleep 0.5; kill -9 $!; kill -9 $$")
        #expect(try run().code == 70)
        try bench.installStressWorker(pauseMilliseconds: 0)
        #expect(try run().code == 0)
        #expect(Set(try bench.results("out.jsonl").map(\.id)).count == 20)
    }

    @Test("The second interrupt stops a world that ignores signals")
    func secondInterrupt() throws {
        try bench.installWorker("trap '' USR1 TERM; touch '\(bench.path("ready"))'; while :; do sleep 0.1; done")
        let command = try start()
        #expect(command.waitUntil { bench.exists("ready") })
        command.interrupt()
        usleep(200_000)
        command.interrupt()
        #expect(try command.wait().code == 130)
    }

    @Test(
        "A world that dies decides the exit code, and its output is shown",
        arguments: [
            ("exit 3", 3), ("exit 4", 4), ("exit 5", 5), ("exit 70", 70), ("exit 2", 2), ("exit 1", 3), ("exit 0", 70),
            ("exit 137", 70), ("kill -9 $$", 70), ("exit 143", 143),
        ])
    func reasons(script: String, code: Int32) throws {
        try bench.installWorker("echo 'the reason' >&2; \(script)")
        let outcome = try run()
        #expect(outcome.code == code)
        #expect(outcome.errors.contains("the reason"))
        #expect(try bench.results("out.jsonl").isEmpty)
    }

    @Test("A world that dies once is started again")
    func restart() throws {
        let stress = try CommandBench.built("queue-stress")
        try bench.installWorker(
            """
            [ -e '\(bench.path("died"))' ] && exec '\(stress)' "$QUEUE" "$PALIGEMMA_WORLD" 600000
            touch '\(bench.path("died"))'
            '\(stress)' "$QUEUE" "$PALIGEMMA_WORLD" 600000 100 >'\(bench.path("first"))' &
            while [ ! -s '\(bench.path("first"))' ]; do sleep 0.05; done
            kill -9 $$
            """)
        let outcome = try run()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("the world died (SIGKILL of its launcher)"))
        #expect(bench.worldsStarted.count == 2)
        #expect(try bench.results("out.jsonl").count == 20)
    }

    @Test("A missing pg-worker is a failure of the environment")
    func missingWorker() throws {
        try FileManager.default.removeItem(atPath: bench.path("bin/pg-worker"))
        let outcome = try run()
        #expect(outcome.code == 3)
        #expect(outcome.errors.contains("pg-worker is neither beside paligemma nor on PATH"))
    }

    @Test("A second run on the same output is refused")
    func secondRun() throws {
        try bench.installWorker("touch '\(bench.path("ready"))'; exec sleep 60")
        let first = try start()
        #expect(first.waitUntil { bench.exists("ready") })
        let second = try run()
        #expect(second.code == 3)
        #expect(second.errors.contains("another `paligemma run` is writing out.jsonl"))
        first.interrupt()
        _ = try first.wait()
    }
}
