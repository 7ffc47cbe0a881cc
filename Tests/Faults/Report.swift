import Foundation

/// The result of a scenario.
struct Report {
    var name: String
    var isGood: Bool
    var lines: [String] = []

    nonisolated(unsafe) static var isVerbose = false

    /// Prints details of a scenario, where `--verbose` asks for them.
    static func detail(_ text: String) { if isVerbose { progress(text) } }

    /// Prints the progress of a scenario.
    static func progress(_ text: String) { FileHandle.standardError.write(Data("faults: \(text)\n".utf8)) }
}

/// All scenarios, by name.
enum Scenario: String, CaseIterable {
    case kills
    case randomKills = "random-kills"
    case lateWorlds = "late-worlds"
    case stoppedRanks = "stopped-ranks"
    case restarts
    case fullQueue = "full-queue"
    case fullOutput = "full-output"
    case memory
    case concurrent
    case clock
    case postgres
    case partition

    /// Those of `make test`.
    static let short: [Scenario] = [.kills]

    /// - Parameter queue: the address of an empty database; nil for files.
    func run(short: Bool, queue: String?) throws -> Report {
        switch self {
        case .kills:
            try short
                ? KillScenario.run(queue: queue, each: 1, steps: 0, random: 0)
                : KillScenario.run(queue: queue, each: 20, steps: 0, random: 0)
        case .randomKills:
            try KillScenario.run(queue: queue, each: 0, steps: short ? 0 : 2, random: short ? 4 : 20)
        case .lateWorlds: try StopScenarios.lateWorlds(queue: queue, rounds: short ? 3 : 100)
        case .stoppedRanks: try StopScenarios.stoppedRanks(queue: queue, rounds: short ? 3 : 12)
        case .restarts: try StopScenarios.restarts(queue: queue, rounds: short ? 3 : 50)
        case .fullQueue: try ResourceScenarios.fullQueue(rounds: short ? 1 : 10)
        case .fullOutput: try ResourceScenarios.fullOutput()
        case .memory: try ResourceScenarios.memory(queue: queue)
        case .concurrent: try SharingScenarios.concurrent(queue: queue, jobs: short ? 100 : 500)
        case .clock: try SharingScenarios.clock(queue: queue, rounds: short ? 3 : 20)
        case .postgres: try SharingScenarios.postgresRestarts(rounds: short ? 3 : 50)
        case .partition: try SharingScenarios.partition(seconds: short ? 5 : 30)
        }
    }

    /// Whether it is about queues of both kinds.
    var takesAnyQueue: Bool {
        switch self {
        case .fullQueue, .fullOutput, .postgres, .partition: false
        default: true
        }
    }
}
