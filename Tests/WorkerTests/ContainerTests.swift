import Foundation
import TestSupport
import Testing

/// Worlds that see another machine than the one they run on.
@Suite("Worlds in a container", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct ContainerTests {
    private struct Report: Decodable {
        struct Rank: Decodable {
            let threads: Double
            let cores: Double
            let memoryLimitBytes: Double
        }

        let limits: [String]
        let ranks: [Rank]
    }

    /// Answers the reference's jobs, and returns what was said and reported.
    private func run(
        ranks: Int, environment: [String: String], _ arguments: [String] = []
    ) throws -> (log: String, report: Report) {
        let reference = try ReferenceAnswers("odd")
        let (queue, folder) = (try TestQueue(), try TemporaryFolder())
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try queue.work(
            ranks: ranks, model: reference.model, ["--report", folder.file("report")] + arguments,
            environment: environment)
        #expect(outcome.status == 0, "\(outcome.errors)")
        reference.expect(try queue.results())
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("report")))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return (outcome.errors, try decoder.decode(Report.self, from: data))
    }

    @Test("A world's threads fit the quota, which its first line and its report name", arguments: [1, 2])
    func quota(ranks: Int) throws {
        let machine = try MachineFolder(cores: "0-63", online: "0-63", limits: ["cpu.max": "200000 100000"])
        let (log, report) = try run(ranks: ranks, environment: machine.environment)
        #expect(log.contains("2 threads a rank" + (ranks > 1 ? ", one rank at a time" : "")), "\(log)")
        #expect(log.contains("; 2 of 64 cores (cgroup quota of 2)"), "\(log)")
        #expect(report.limits == ["2 of 64 cores (cgroup quota of 2)"])
        #expect(report.ranks.count == ranks && report.ranks.allSatisfy { $0.threads == 2 && $0.cores == 2 })
    }

    @Test("A world takes less of a small memory, says what, and answers the same", arguments: [1, 3])
    func memory(ranks: Int) throws {
        let machine = try MachineFolder(cores: "0-1", online: "0-1", limits: ["memory.max": "600000000"])
        let (log, report) = try run(ranks: ranks, environment: machine.environment)
        #expect(log.contains("; 600 MB of 65.5 GB of memory (cgroup limit); "), "\(log)")
        #expect(log.contains(" MB of KV cache a rank"), "\(log)")
        #expect(report.ranks.allSatisfy { $0.memoryLimitBytes == 600_000_000 })
        let given = try run(
            ranks: ranks, environment: machine.environment, ["--kv-budget", "1g", "--feature-cache", "64m"])
        #expect(!given.log.contains("of KV cache a rank"), "\(given.log)")
    }

    /// Whether the nodes below have a core each that exists here.
    private static let hasTwoCores = ProcessInfo.processInfo.activeProcessorCount >= 2

    @Test(
        "Ranks that fit two NUMA nodes keep to one each, unless that is switched off",
        .enabled(if: hasTwoCores, "this machine has one core"))
    func nodes() throws {
        let machine = try MachineFolder(cores: "0-3", online: "0-3", nodes: ["0,2", "1,3"])
        let bound = try run(ranks: 2, environment: machine.environment)
        #expect(bound.log.contains("2 threads a rank, each rank bound to its part of 2 NUMA nodes"), "\(bound.log)")
        #expect(bound.report.ranks.allSatisfy { $0.threads == 2 && $0.cores == 2 })
        let free = try run(ranks: 2, environment: machine.environment, ["--bind", "none"])
        #expect(!free.log.contains("NUMA") && free.report.ranks.allSatisfy { $0.cores == 4 }, "\(free.log)")
        let uneven = try run(ranks: 3, environment: machine.environment)
        #expect(!uneven.log.contains("NUMA"), "\(uneven.log)")
    }
}
