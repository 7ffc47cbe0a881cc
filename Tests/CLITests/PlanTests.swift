import Foundation
import Testing

@Suite("The plan command", .timeLimit(.minutes(15)))
struct PlanTests {
    let bench: CommandBench

    init() throws { bench = try CommandBench() }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test("Hosts of a known kind have one world each, and the table says why")
    func table() throws {
        let outcome = try bench.run(
            "plan", "--shape", "3b-448", "--hosts", "3", "--processor", "zen5", "--cores", "16", "--memory", "64g",
            "--precision", "int8")
        #expect(outcome.code == 0, "\(outcome.errors)")
        for part in [
            "3b-448, precision int8", "Zen 5", "int8, AVX-512", "Start 3 worlds of 1 rank", "one on each host",
        ] {
            #expect(outcome.output.contains(part), "no '\(part)' in:\n\(outcome.output)")
        }
        #expect(outcome.errors.isEmpty, "\(outcome.errors)")
    }

    @Test("The JSON has every placement, those without room last, and the rates")
    func json() throws {
        let outcome = try bench.run(
            "plan", "--shape", "pg2-10b-224", "--hosts", "4", "--processor", "emerald-rapids", "--cores", "8",
            "--memory", "16g", "--link-gbits", "25", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let plan = try object(outcome.output)
        let rows = try #require(plan["rows"] as? [[String: Any]])
        let fits = rows.map { $0["fits"] as? Bool ?? false }
        #expect(fits.first == true && fits.last == false, "\(fits)")
        #expect(zip(fits, fits.dropFirst()).allSatisfy { $0 || !$1 })
        #expect((rows[0]["hosts_per_world"] as? Int ?? 0) > 1)
        let rates = try #require(plan["rates"] as? [String: Any])
        for key in ["linear_limit", "attention_limit", "memory_limit", "linear_share"] {
            #expect((rates[key] as? Double ?? 0) > 0, "\(key)")
        }
    }

    @Test("Without a kind of processor this machine is measured")
    func measured() throws {
        let outcome = try bench.run("plan", "--shape", "tiny", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let rates = try #require(try object(outcome.output)["rates"] as? [String: Any])
        #expect((rates["source"] as? String)?.hasPrefix("measured on this machine") == true, "\(rates)")
    }

    @Test("Hosts that are too small for any part are an error of the environment, with what to change")
    func noRoom() throws {
        let outcome = try bench.run(
            "plan", "--shape", "3b-224", "--hosts", "2", "--processor", "zen3", "--cores", "4", "--memory", "1g")
        #expect(outcome.code == 3, "\(outcome.errors)")
        #expect(outcome.output.contains("Nothing fits") && outcome.output.contains("no room"), "\(outcome.output)")
    }

    @Test("A wrong flag is named with what is expected")
    func wrongFlags() throws {
        let cases: [(arguments: [String], part: String)] = [
            ([], "--shape"), (["--shape", "7b"], "3b-224"), (["--shape", "tiny", "--model", "m"], "exclude"),
            (["--shape", "tiny", "--hosts", "0"], "--hosts"), (["--shape", "tiny", "--cores", "-1"], "--cores"),
            (["--shape", "tiny", "--memory", "much"], "24g"),
            (["--shape", "tiny", "--link-gbits", "0"], "--link-gbits"),
            (["--shape", "tiny", "--processor", "z80"], "zen4"),
        ]
        for (arguments, part) in cases {
            let outcome = try RunningCommand(bench, ["plan"] + arguments).wait()
            #expect(outcome.code == 2, "\(arguments)")
            #expect(outcome.errors.contains(part), "\(arguments): \(outcome.errors)")
        }
    }
}
