import Foundation
import TestSupport

/// Several processes at one queue, servers and networks that go away, clocks that jump.
enum SharingScenarios {
    /// Two worlds, several who submit, several who read the results, all at the same time.
    static func concurrent(queue: String?, jobs count: Int) throws -> Report {
        let setup = try FaultEnvironment(queue: queue)
        defer { setup.close() }
        try setup.submit(20)
        let worlds = try (0..<2).map { _ in try setup.supervise(ranks: 2, worker: ["--batch-rows", "100"]) }
        let picture = Tools.fixtures + "/pictures/gray.jpg"
        let submitters = try (0..<4).map { person in
            let ids = (0..<count).map { "person-\(person)-\($0)" }
            let lines = ids.map {
                #"{"id": "\#($0)", "images": ["\#(picture)"], "prompt": "caption en", "max_tokens": 4}"#
            }
            let file = setup.folder + "/person-\(person).jsonl"
            try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
            setup.note(submitted: ids)
            return try Supervised(
                Tools.paligemma, ["submit", "--queue", setup.queueName, "--jobs", file],
                log: setup.folder + "/submit-\(person).log")
        }
        var (reads, torn) = (0, 0)
        let isDone = Tools.wait(seconds: 240) {
            let path = setup.folder + "/results-\(reads % 3).jsonl"
            if let outcome = try? Programs.run(
                Tools.paligemma, ["results", "--queue", setup.queueName, "--output", path]), outcome.status > 1
            {
                torn += 1
            }
            let text = TextFile.read(path) ?? ""
            let lines = text.split(separator: "\n")
            if !lines.allSatisfy({ $0.hasPrefix("{\"id\":") && $0.hasSuffix("}") }) || Set(lines).count != lines.count {
                torn += 1
            }
            reads += 1
            return submitters.allSatisfy { !$0.isRunning } && (try? setup.queue.counts().outstanding) == 0
        }
        let submitted = submitters.allSatisfy { $0.status == 0 }
        for world in worlds { world.destroy() }
        let verification = try setup.verify()
        return Report(
            name: "4 submit, 2 worlds work, results are read",
            isGood: verification.isGood && isDone && submitted && torn == 0,
            lines: [verification.text, "\(reads) readings meanwhile, \(torn) torn or doubled"])
    }

    /// PostgreSQL dies and comes back, again and again.
    static func postgresRestarts(rounds: Int) throws -> Report {
        let server = try PostgresServer()
        let setup = try FaultEnvironment(queue: server.makeDatabase())
        defer { setup.close() }
        try setup.submit(200)
        let world = try setup.supervise(worker: ["--batch-rows", "1", "--lease-seconds", "5"])
        var progressed = 0
        for _ in 0..<rounds {
            if try setup.queue.counts().ready < 100 { try setup.submit(200) }
            let done = try setup.queue.counts().finished
            if Tools.wait(seconds: 40, until: { (try? setup.queue.counts().finished) ?? 0 > done }) {
                progressed += 1
            }
            try server.kill()
            usleep(UInt32.random(in: 0...400_000))
            try server.start()
        }
        let text = world.output
        let deaths = text.components(separatedBy: "the world died").count - 1
        let verification = try setup.verify()
        return Report(
            name: "PostgreSQL killed \(rounds) times", isGood: verification.isGood && progressed == rounds,
            lines: [verification.text, "\(progressed) times captions went on in between; \(deaths) worlds died of it"])
    }

    /// Hosts that lose each other for a while (namespaces of cluster/rehearse); needs root.
    static func partition(seconds: Int) throws -> Report {
        let setup = try FaultEnvironment()
        defer { setup.close() }
        try setup.submit(3000)
        let hosts = try hostNames()
        let world = try Supervised(
            Tools.repository + "/cluster/rehearse",
            [
                "--hosts", "3", "--", Tools.worker, "--model", Tools.model, "--queue", setup.queueName, "--drain",
                "--batch-rows", "1", "--watchdog", "60",
            ], log: setup.folder + "/rehearse.log")
        guard Tools.wait(seconds: 60, until: { (try? setup.queue.counts().done) ?? 0 > 20 }) else {
            throw Failure("the rehearsal does not work: \(world.output)")
        }
        guard let cut = try hostNames().subtracting(hosts).first(where: { $0.hasSuffix("-2") }) else {
            throw Failure("no host to cut off")
        }
        _ = try Programs.run("ip", ["netns", "exec", cut, "ip", "link", "set", "eth0", "down"])
        let before = try setup.queue.counts().finished
        sleep(UInt32(seconds))
        _ = try Programs.run("ip", ["netns", "exec", cut, "ip", "link", "set", "eth0", "up"])
        let wentOn = Tools.wait(seconds: 90) {
            (try? setup.queue.counts().finished) ?? 0 > before + 20 || !world.isRunning
        }
        let isAlive = world.isRunning || world.status <= 1
        _ = world.waitForEnd(seconds: 60)
        kill(world.id, SIGTERM)
        _ = world.waitForEnd(seconds: 20)
        let verification = try setup.verify()
        return Report(
            name: "a host cut off for \(seconds) s", isGood: verification.isGood && wentOn,
            lines: [
                verification.text,
                isAlive ? "the world went on when the host was back" : "the world died of it and was started again",
            ])
    }

    private static func hostNames() throws -> Set<String> {
        Set(
            try Programs.run("ip", ["netns", "list"]).output.split(separator: "\n").map {
                String($0.prefix { $0 != " " })
            }
        )
    }

    /// The wall clock jumps by an hour, forwards and backwards, under a world and those who submit (libfaketime).
    static func clock(queue: String?, rounds: Int) throws -> Report {
        let libraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"].map {
            $0 + "/faketime/libfaketimeMT.so.1"
        }
        guard let library = libraries.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw Failure("libfaketime is missing; `make faults` installs it")
        }
        let setup = try FaultEnvironment(queue: queue)
        defer { setup.close() }
        let file = setup.folder + "/clock"
        func set(_ offset: String) throws { try offset.write(toFile: file, atomically: true, encoding: .utf8) }
        try set("+0")
        try setup.submit(100)
        let environment = [
            "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
        ]
        let world = try setup.supervise(
            worker: ["--batch-rows", "1", "--lease-seconds", "5"], environment: environment)
        var progressed = 0
        for round in 0..<rounds {
            if try setup.queue.counts().ready < 100 { try setup.submit(200) }
            let done = try setup.queue.counts().finished
            try set(["+1h", "-1h", "+0"][round % 3])
            if Tools.wait(seconds: 20, until: { (try? setup.queue.counts().finished) ?? 0 > done + 10 }) {
                progressed += 1
            }
        }
        let deaths = world.output.components(separatedBy: "the world died").count - 1
        let again = try setup.queue.audit(after: 0, limit: 1_000_000).filter { $0.attempt > 1 }.count
        let verification = try setup.verify()
        return Report(
            name: "the wall clock moved by an hour \(rounds) times",
            isGood: verification.isGood && progressed == rounds && deaths == 0 && again == 0,
            lines: [
                verification.text,
                "\(progressed) times captions went on; \(deaths) worlds died; \(again) jobs tried twice",
            ])
    }
}
