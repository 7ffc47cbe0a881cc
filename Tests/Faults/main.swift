import Coordinator
import Foundation

/// A line at once, also into a pipe.
func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

// faults [SCENARIO ...] [--short] [--queue ADDRESS]: does to worlds what a cluster does to them, and counts.
// Without a scenario all are run. See `Scenario` for their names. Ends with 1 where a promise was not kept.

signal(SIGPIPE, SIG_IGN)
var names: [String] = []
var isShort = false
var address: String?
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--short": isShort = true
    case "--verbose": Report.isVerbose = true
    case "--queue": address = arguments.popFirst()
    case "--help", "-h":
        say("faults [--short] [--queue ADDRESS] [\(Scenario.allCases.map(\.rawValue).joined(separator: "|")) ...]")
        exit(0)
    default: names.append(argument)
    }
}
let unknown = names.filter { Scenario(rawValue: $0) == nil }
guard unknown.isEmpty else {
    say("faults: there is no scenario \(unknown.joined(separator: ", ")); see --help")
    exit(2)
}
let scenarios = names.isEmpty ? (isShort ? Scenario.short : Scenario.allCases) : names.compactMap(Scenario.init)
var good = true
for scenario in scenarios {
    let start = DispatchTime.now().uptimeNanoseconds
    do {
        for report in try scenario.run(short: isShort, queue: address) {
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
            say("\(report.isGood ? "kept  " : "BROKEN") \(report.name) (\(String(format: "%.0f", seconds)) s)")
            for line in report.lines { say("         \(line)") }
            good = good && report.isGood
        }
    } catch {
        say("BROKEN \(scenario.rawValue): \(error)")
        good = false
    }
}
exit(good ? 0 : 1)
