import Foundation
import TestSupport

// faults [--short] [--queue file|postgres] [SCENARIO ...]: does to worlds what a cluster does to them, and counts.
// Without a scenario all are run, on both kinds of queue where that makes a difference. Ends with 1 where a scenario
// has failed.

/// Prints a line without buffering, also into a pipe.
func printLine(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

signal(SIGPIPE, SIG_IGN)
var names: [String] = []
var isShort = false
var kinds = ["file", "postgres"]
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--short": isShort = true
    case "--verbose": Report.isVerbose = true
    case "--queue": kinds = arguments.popFirst().map { [$0] } ?? kinds
    case "--help", "-h":
        printLine("faults [--short] [--verbose] [--queue file|postgres] [SCENARIO ...]")
        for scenario in Scenario.allCases { printLine("    \(scenario.rawValue)") }
        exit(0)
    default: names.append(argument)
    }
}
let unknown = names.filter { Scenario(rawValue: $0) == nil } + kinds.filter { !["file", "postgres"].contains($0) }
guard unknown.isEmpty else {
    printLine("faults: there is no \(unknown.joined(separator: ", ")); see --help")
    exit(2)
}
let scenarios = names.isEmpty ? (isShort ? Scenario.short : Scenario.allCases) : names.compactMap(Scenario.init)
var good = true
for scenario in scenarios {
    for kind in scenario.takesAnyQueue ? kinds : [kinds[0]] {
        let start = DispatchTime.now().uptimeNanoseconds
        let suffix = scenario.takesAnyQueue ? ", \(kind == "file" ? "queue in a file" : "queue in PostgreSQL")" : ""
        do {
            let queue = kind == "postgres" && scenario.takesAnyQueue ? try PostgresServer.shared().makeDatabase() : nil
            let report = try scenario.run(short: isShort, queue: queue)
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
            printLine(
                "\(report.isGood ? "passed" : "FAILED") \(report.name)\(suffix) (\(String(format: "%.0f", seconds)) s)")
            for line in report.lines { printLine("         \(line)") }
            good = good && report.isGood
        } catch {
            printLine("FAILED \(scenario.rawValue)\(suffix): \(error)")
            good = false
        }
    }
}
exit(good ? 0 : 1)
