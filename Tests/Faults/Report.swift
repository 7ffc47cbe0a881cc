import Foundation

/// What a scenario found.
struct Report {
    var name: String
    var isGood: Bool
    var lines: [String] = []

    nonisolated(unsafe) static var isVerbose = false

    /// A line for whoever looks for a fault of this program.
    static func detail(_ text: String) { if isVerbose { progress(text) } }

    /// A line for whoever waits.
    static func progress(_ text: String) { FileHandle.standardError.write(Data("faults: \(text)\n".utf8)) }
}

/// Everything that can go wrong, by name.
enum Scenario: String, CaseIterable {
    case kills

    /// Those of `make test`.
    static let short: [Scenario] = [.kills]

    func run(short: Bool, queue: String?) throws -> [Report] {
        switch self {
        case .kills:
            return [
                try short
                    ? KillScenario.run(queue: queue, each: 1, steps: 0, random: 0)
                    : KillScenario.run(queue: queue, each: 20, steps: 2, random: 20)
            ]
        }
    }
}
