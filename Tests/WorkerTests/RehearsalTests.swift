import Foundation
import TestSupport
import Testing

/// A cluster on this machine (cluster/rehearse).
private enum Rehearsal {
    static let script = repository + "/cluster/rehearse"
    private static let repository = URL(fileURLWithPath: Fixtures.path("..")).standardizedFileURL
        .deletingLastPathComponent().path

    static func run(_ arguments: [String]) throws -> Programs.Outcome { try Programs.run(script, arguments) }

    /// The namespaces that are there now.
    static func hosts() throws -> Set<String> {
        Set(try Programs.run("ip", ["netns", "list"]).output.split(separator: "\n").map(String.init))
    }
}

/// These need root and CAP_NET_ADMIN. Without them they fail and print what the script says: a rehearsal that was
/// skipped proves nothing.
@Suite("A cluster rehearsed on one machine", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct RehearsalTests {
    @Test("Ranks on hosts of their own, with slow links between them, give the reference's answers")
    func answers() throws {
        let reference = try ReferenceAnswers("grouped")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try Rehearsal.run([
            "--hosts", "3", "--link", "200mbit", "--", Programs.worker, "--model", reference.model, "--queue",
            queue.path,
            "--drain",
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test("Bridges of container engines, which have one address on every host, are not used between hosts")
    func bridges() throws {
        let reference = try ReferenceAnswers("grouped")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try Rehearsal.run([
            "--hosts", "2", "--ranks", "3", "--bridges", "--", Programs.worker, "--model", reference.model, "--queue",
            queue.path,
            "--drain",
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test("A world whose hosts cannot reach each other ends, and names the networks and what to set")
    func unreachable() throws {
        let queue = try TestQueue()
        let reference = try ReferenceAnswers("grouped")
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try Rehearsal.run([
            "--hosts", "2", "--bridges", "--only", "docker0", "--", Programs.worker, "--model", reference.model,
            "--queue",
            queue.path, "--drain", "--watchdog", "5",
        ])
        #expect(outcome.status != 0)
        #expect(
            outcome.errors.contains("btl_tcp_if_include") && outcome.errors.contains("docker0 172.17.0.1/16"),
            "\(outcome.errors)")
    }

    @Test("A rehearsal ends as its command does, and leaves nothing behind")
    func statusAndCleaning() throws {
        let folder = try TemporaryFolder()
        let seen = folder.file("hosts")
        let report = "ip netns identify >>'\(seen)'; exit 7"
        let outcome = try Rehearsal.run(["--hosts", "2", "--", "sh", "-c", report])
        #expect(outcome.status == 7, "\(outcome.errors)")
        let hosts = Set(try String(contentsOfFile: seen, encoding: .utf8).split(separator: "\n").map(String.init))
        #expect(!hosts.isEmpty && hosts.allSatisfy { !$0.isEmpty })
        #expect(try hosts.isDisjoint(with: Rehearsal.hosts()))
    }

    @Test("A rehearsal that is stopped takes its hosts down")
    func stopping() throws {
        let folder = try TemporaryFolder()
        let seen = folder.file("hosts")
        let outcome = try Programs.run(
            "timeout",
            [
                "-s", "TERM", "4", Rehearsal.script, "--hosts", "2", "--", "sh", "-c",
                "ip netns identify >>'\(seen)'; exec sleep 100",
            ])
        #expect(outcome.status != 0)
        let hosts = Set(try String(contentsOfFile: seen, encoding: .utf8).split(separator: "\n").map(String.init))
        #expect(hosts.count == 2)
        #expect(try hosts.isDisjoint(with: Rehearsal.hosts()))
    }

    @Test("Without the right to make hosts a rehearsal reports that and ends with exit code 3")
    func refusal() throws {
        // The superuser gives these two rights away first (and stays who owns the files of the clone).
        let without = "-net_admin,-sys_admin"
        let plainly = geteuid() == 0 ? ["setpriv", "--bounding-set", without, "--inh-caps", without] : ["env"]
        let outcome = try Programs.run(plainly[0], plainly.dropFirst() + [Rehearsal.script, "--", "true"])
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("CAP_NET_ADMIN"))
    }

    @Test(
        "An invalid option is refused with exit code 2",
        arguments: [
            ["--link", "fast", "--", "true"], ["--hosts", "many", "--", "true"], ["--speed", "1"], [],
        ])
    func usage(arguments: [String]) throws {
        let outcome = try Rehearsal.run(arguments)
        #expect(outcome.status == 2)
        #expect(outcome.errors.hasPrefix("rehearse: "))
    }
}
