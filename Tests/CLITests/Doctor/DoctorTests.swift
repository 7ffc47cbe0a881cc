import Base
import Foundation
import Queue
import TestSupport
import Testing
import paligemma

/// `paligemma doctor`, and what it says when a world does not start.
@Suite("The doctor", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct DoctorTests {
    let bench: CommandBench

    init() throws {
        bench = try CommandBench()
    }

    private struct Entry: Decodable {
        let check: String
        let status: String
        let finding: String
        let why: String
        let advice: [String]
    }

    /// Runs the doctor with the real pg-worker beside it.
    private func examine(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (code: Int32, entries: [String: Entry]) {
        try installRealWorker()
        let outcome = try RunningCommand(bench, ["doctor", "--json"] + arguments, environment: environment).wait()
        #expect(outcome.errors.isEmpty, "\(outcome.errors)")
        let entries = try JSONDecoder().decode([Entry].self, from: Data(outcome.output.utf8))
        // Each check once, in the order of the report, and with what every one has.
        #expect(entries.map(\.check) == CheckName.allCases.map(\.rawValue))
        #expect(
            entries.allSatisfy { Finding.Status(rawValue: $0.status) != nil && !$0.finding.isEmpty && !$0.why.isEmpty })
        #expect(entries.contains { $0.status == "fail" } == (outcome.code == 3), "\(outcome.code)")
        #expect(outcome.code == 0 || outcome.code == 3)
        return (outcome.code, Dictionary(uniqueKeysWithValues: entries.map { ($0.check, $0) }))
    }

    private func installRealWorker() throws {
        try? FileManager.default.removeItem(atPath: bench.path("bin/pg-worker"))
        try FileManager.default.createSymbolicLink(
            atPath: bench.path("bin/pg-worker"), withDestinationPath: CommandBench.built("pg-worker"))
    }

    private func installProgram(_ name: String, _ script: String) throws {
        try bench.write("#!/bin/sh\n" + script, to: "fakes/" + name)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: bench.path("fakes/" + name))
    }

    private var pathWithFakes: [String: String] { ["PATH": bench.path("fakes") + ":/usr/bin:/bin"] }

    @Test("A model and a queue file that fit each other are well, and neither they nor their folder are changed")
    func healthy() throws {
        let submit = try bench.run("submit", "--queue", "queues/jobs.db", "--prompt", "x", "x.jpg")
        #expect(submit.code != 0)
        try bench.write("", to: "queues/keep")
        try #require(try bench.run("submit", "--queue", "queues/jobs.db", "--prompt", "x", "x.jpg").code == 0)
        let before = try Data(contentsOf: URL(fileURLWithPath: bench.path("queues/jobs.db")))
        let names = try FileManager.default.contentsOfDirectory(atPath: bench.path("queues")).sorted()
        let (_, entries) = try examine(["--queue", "queues/jobs.db", "--model", CommandBench.miniature])
        for check in ["model", "queue-file", "fingerprint"] {
            #expect(entries[check]?.status == "ok", "\(entries[check]?.finding ?? "")")
        }
        #expect(entries["fingerprint"]?.finding == "the queue belongs to no model yet")
        #expect(entries["queue-file"]?.finding.contains(" a commit") == true)
        #expect(entries["open-mpi"]?.finding.contains("mpirun and pg-worker's library are ") == true)
        #expect(entries["memory"]?.finding.contains("a world takes ") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: bench.path("queues/jobs.db"))) == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.path("queues")).sorted() == names)
    }

    @Test("Without options every check has a line, and what was not checked says so and is not well")
    func text() throws {
        try installRealWorker()
        let outcome = try bench.run("doctor")
        let lines = outcome.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let symbols = Set(Finding.Status.allCases.map(\.symbol))
        let named = lines.filter { symbols.contains($0[0]) }.map { $0[2] }
        #expect(named == CheckName.allCases.map(\.rawValue), "\(outcome.output)")
        for line in outcome.output.split(separator: "\n") where line.contains("not checked") {
            #expect(!line.hasPrefix("✓"), "\(line)")
        }
        #expect(outcome.output.contains("not checked: no --model is given"))
        #expect(outcome.output.hasSuffix("start\n"))
    }

    @Test("A queue file that is not there is not made, and one in a folder that is not there fails")
    func noQueueFile() throws {
        let (_, entries) = try examine(["--queue", "none.db"])
        #expect(entries["queue-file"]?.status == "note")
        #expect(!bench.exists("none.db"))
        let (code, other) = try examine(["--queue", "missing/none.db"])
        #expect(code == 3 && other["queue-file"]?.status == "fail")
        try bench.write("no database", to: "text.db")
        #expect(try examine(["--queue", "text.db"]).entries["queue-file"]?.status == "fail")
    }

    @Test("A model with a file that was cut short fails")
    func brokenModel() throws {
        let model = bench.path("broken")
        try FileManager.default.copyItem(atPath: CommandBench.miniature, toPath: model)
        let names = try FileManager.default.contentsOfDirectory(atPath: model)
        let weights = try #require(names.first { $0.hasSuffix(".safetensors") })
        let file = URL(fileURLWithPath: model + "/" + weights)
        try Data(contentsOf: file).dropLast(100).write(to: file)
        let (code, entries) = try examine(["--model", model])
        #expect(code == 3)
        #expect(entries["model"]?.status == "fail")
        #expect(entries["model"]?.finding.contains(weights) == true)
        #expect(entries["model"]?.advice.isEmpty == false)
        #expect(entries["page-cache"]?.status == "note")
    }

    @Test("The queue of another model fails")
    func otherModel() throws {
        let queue = try openQueue(bench.path("jobs.db"), create: true)
        try queue.adopt(fingerprint: "2-0123456789abcdef", modelName: "another")
        let (code, entries) = try examine(["--queue", "jobs.db", "--model", CommandBench.miniature])
        #expect(code == 3)
        #expect(entries["fingerprint"]?.finding == "the queue belongs to another model (another)")
        #expect(entries["queue-file"]?.status == "ok")
    }

    @Test("A database is asked for what it is, and a pooler before it is noticed")
    func databases() throws {
        let server = try PostgresServer.shared()
        let address = try server.makeDatabase()
        let empty = try examine(["--queue", address]).entries
        #expect(empty["postgresql"]?.status == "note")
        #expect(empty["postgresql"]?.finding.contains("it holds no queue yet") == true)
        #expect(
            try PostgresConsole(address).run("SELECT count(*) FROM pg_namespace WHERE nspname = 'paligemma'") == "0")
        _ = try openQueue(address, create: true)
        let direct = try examine(["--queue", address, "--model", CommandBench.miniature]).entries
        #expect(direct["postgresql"]?.status == "ok", "\(direct["postgresql"]?.finding ?? "")")
        #expect(direct["pooler"]?.status == "ok" && direct["clock"]?.status == "ok")
        #expect(direct["fingerprint"]?.finding == "the queue belongs to no model yet")
        let pooledAddress = try server.pooled(address)
        // A pooler that was just started does not listen at once.
        _ = try openQueue(pooledAddress, timeout: .seconds(60))
        let pooled = try examine(["--queue", pooledAddress]).entries
        #expect(pooled["postgresql"]?.status == "ok", "\(pooled["postgresql"]?.finding ?? "")")
        #expect(pooled["pooler"]?.status == "note")
        #expect(pooled["pooler"]?.advice.first?.contains("address of the server itself") == true)
    }

    @Test("Rights that a role lacks are named")
    func rights() throws {
        let address = try PostgresServer.shared().makeDatabase()
        _ = try openQueue(address, create: true)
        let console = try PostgresConsole(address)
        let role = "reader_" + (address.split(separator: "/").last.map(String.init) ?? "")
        for sql in [
            "CREATE ROLE \(role) LOGIN", "GRANT USAGE ON SCHEMA paligemma TO \(role)",
            "GRANT SELECT ON ALL TABLES IN SCHEMA paligemma TO \(role)",
        ] { try console.run(sql) }
        let (code, entries) = try examine(["--queue", address.replacingOccurrences(of: "paligemma@", with: role + "@")])
        #expect(code == 3)
        #expect(
            entries["postgresql"]?.finding.contains(
                "this role lacks INSERT on audit, INSERT on results, UPDATE on counts, UPDATE on jobs, UPDATE on queue")
                == true,
            "\(entries["postgresql"]?.finding ?? "")")
    }

    @Test("A server at a wrong port, and one that never answers, fail without their password")
    func unreachable() throws {
        let silent = try SilentServer()
        for port in [1, silent.port] {
            let (code, entries) = try examine(["--queue", "postgres://u:s3cret@127.0.0.1:\(port)/d"])
            #expect(code == 3)
            #expect(entries["postgresql"]?.status == "fail", "\(entries["postgresql"]?.finding ?? "")")
            #expect(entries["postgresql"]?.finding.contains("s3cret") == false)
            #expect(entries["pooler"]?.finding == "not checked: the server did not answer")
        }
    }

    @Test("An mpirun of another version fails, and none at all only where there are several ranks")
    func launcherVersions() throws {
        try installProgram("mpirun", "echo 'mpirun (Open MPI) 3.1.0'\n")
        let other = try examine([], environment: pathWithFakes)
        #expect(other.code == 3)
        #expect(other.entries["open-mpi"]?.finding.hasPrefix("mpirun is 3.1.0, pg-worker's library is ") == true)
        let none = ["PATH": bench.path("nothing")]
        #expect(try examine([], environment: none).entries["open-mpi"]?.status == "fail")
        #expect(try examine(["--ranks", "1"], environment: none).entries["open-mpi"]?.status == "note")
    }

    @Test("An mpirun that starts nothing fails, and says why")
    func launcherThatRefuses() throws {
        let version = try Programs.run("mpirun", ["--version"]).output.split(separator: "\n").first ?? ""
        try installProgram(
            "mpirun",
            "[ \"$1\" = --version ] && echo '\(version)' && exit\necho ---------- >&2; echo 'no slots' >&2; exit 1\n")
        let (code, entries) = try examine(["--ranks", "3"], environment: pathWithFakes)
        #expect(code == 3)
        #expect(entries["open-mpi"]?.finding.hasSuffix("`mpirun -n 3 true` fails: no slots") == true)
    }

    @Test("The hosts of a file are asked over ssh, without a question")
    func hosts() throws {
        try installProgram(
            "ssh",
            """
            echo "$@" >> '\(bench.path("asked"))'
            [ "$1" = -G ] && echo 'stricthostkeychecking accept-new' && exit
            for word; do host=$last; last=$word; done
            [ "$host" = node2 ] && echo 'Permission denied (publickey).' >&2 && exit 255
            echo 'Welcome!'
            exec sh -c "$last"
            """)
        try bench.write("node1 slots=2\nnode2 slots=2\n", to: "hosts")
        let (code, entries) = try examine(["--hostfile", "hosts"], environment: pathWithFakes)
        #expect(code == 3)
        #expect(
            entries["hosts"]?.finding
                == "2 hosts, 4 slots; node1: pg-worker is not on PATH; node2: Permission denied (publickey).")
        let asked = try bench.read("asked").split(separator: "\n").filter { $0.contains(" node1 ") }
        #expect(asked.count == 1)
        for option in ["BatchMode=yes", "ConnectTimeout=3", "UserKnownHostsFile=/dev/null", "-- node1 "] {
            #expect(asked.first?.contains(option) == true, "no \(option) in \(asked)")
        }
        let none = try examine(["--hostfile", "missing"], environment: pathWithFakes)
        #expect(none.entries["hosts"]?.status == "fail")
        #expect(try examine([]).entries["hosts"]?.finding == "not checked: no --hostfile is given")
    }

    @Test("The machine of a container is judged by its files")
    func machine() throws {
        let machine = try MachineFolder(
            cores: "0-15", online: "0-15", nodes: ["0-7", "8-15"], limits: ["cpu.max": "300000 100000"])
        try machine.write("vendor_id : GenuineIntel\nmodel name : Test\n", to: "/proc/cpuinfo")
        try machine.write("always madvise [never]\n", to: "/sys/kernel/mm/transparent_hugepage/enabled")
        let (_, entries) = try examine(["--ranks", "2"], environment: machine.environment)
        #expect(entries["cores"]?.finding == "3 of 16 cores (cgroup quota of 3)")
        #expect(entries["huge-pages"]?.status == "note")
        #expect(entries["processor"]?.finding.hasPrefix("Test, kernels ") == true)
        #expect(entries["numa"]?.finding == "2 nodes, to which 2 ranks keep")
    }

    @Test(
        "A world that is refused by its environment, or that dies before it answers, is followed by the short form, once"
    )
    func failedStarts() throws {
        try bench.writePictures(1)
        try bench.installWorker("exit 3")
        let mark = "`paligemma doctor --queue out.jsonl.queue --model model --ranks 1` has the full report on this"
        let run = try bench.run(
            "run", "--model", "model", "--ranks", "1", "--prompt", "x", "pictures", "--output", "out.jsonl")
        #expect(run.code == 3)
        #expect(run.errors.components(separatedBy: mark).count == 2, "\(run.errors)")
        // The model of the bench is a configuration without weights.
        #expect(run.errors.contains("\n  ✗ model: "), "\(run.errors)")
        for words in [["exit 3"], ["kill -9 $$"]] {
            try bench.installWorker(words[0])
            let supervised = try bench.run(
                "supervise", "--maximum-deaths", "2", "--restart-pause", "0", "--", "bin/pg-worker", "--queue",
                "out.jsonl.queue", "--model", "model")
            #expect(supervised.errors.components(separatedBy: mark).count == 2, "\(supervised.errors)")
        }
        try bench.installWorker("exit 3")
        let service = try bench.run("serve", "--model", "model", "--ranks", "1", "--port", "0")
        #expect(service.code == 3)
        #expect(
            service.errors.contains("`paligemma doctor --model model --ranks 1` has the full report"),
            "\(service.errors)")
    }

    @Test("The example in the documents has every check, in its order")
    func document() throws {
        let blocks = try ExampleDocument.blocks(of: "running.md").filter { $0.kind == "doctor" }
        let lines = try #require(blocks.first).lines.map { $0.split(separator: " ").map(String.init) }
        let statuses = Dictionary(uniqueKeysWithValues: Finding.Status.allCases.map { ($0.symbol, $0.rawValue) })
        let checks = lines.filter { !$0.isEmpty && statuses[$0[0]] != nil }
        #expect(checks.map { $0[2] } == CheckName.allCases.map(\.rawValue))
        #expect(checks.allSatisfy { statuses[$0[0]] == $0[1] })
    }
}

/// A server that takes connections and says nothing.
private final class SilentServer {
    let port: Int
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, size) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, address, &size) == 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        try #require(isBound)
    }

    deinit { close(descriptor) }
}
