/// How a program ends: the exit codes of `paligemma` and pg-worker. A supervisor reads those of its worlds.
package enum ExitStatus: Error, Equatable, Sendable {
    case success
    case jobsFailed
    case usage
    case environment
    case model
    case queue
    case internalError
    /// Memory ran out: a rank's fatal error report names it.
    case outOfMemory
    /// A watchdog ended the world.
    case stalled
    /// A worker tells its supervisor, instead of `queue`, that the queue would not take this world the next time either.
    case queueRefuses
    /// The program was stopped by a signal; a shell has 128 + its number.
    case signal(Int32)
}

extension ExitStatus {
    private static let codes: [(Int32, ExitStatus)] = [
        (0, .success), (1, .jobsFailed), (2, .usage), (3, .environment), (4, .model), (5, .queue), (70, .internalError),
        (71, .outOfMemory), (75, .stalled), (78, .queueRefuses),
    ]

    /// The exit code.
    package var code: Int32 {
        if case .signal(let number) = self { return 128 + number }
        return Self.codes.first { $0.1 == self }?.0 ?? 70
    }

    /// Returns nil for a code that neither program uses.
    package init?(code: Int32) {
        if let known = Self.codes.first(where: { $0.0 == code }) {
            self = known.1
        } else if (129...192).contains(code) {
            self = .signal(code - 128)
        } else {
            return nil
        }
    }
}

extension ExitStatus {
    /// What the code means, for the help.
    package var meaning: String {
        switch self {
        case .success: "all done"
        case .jobsFailed: "some jobs failed (each has its line in the results)"
        case .usage: "usage"
        case .environment: "environment"
        case .model: "model invalid"
        case .queue: "queue unavailable, or another model's"
        case .internalError: "internal"
        case .outOfMemory: "out of memory"
        case .stalled: "ended by a watchdog"
        case .queueRefuses: "queue unavailable for good (to a supervisor)"
        case .signal: "stopped by a signal"
        }
    }

    /// The codes of `paligemma`.
    package static let ofCommands: [ExitStatus] = [
        .success, .jobsFailed, .usage, .environment, .model, .queue, .internalError,
    ]

    /// The codes of pg-worker.
    package static let ofWorkers = ofCommands + [.outOfMemory, .stalled]

    /// A sentence for a program's help that names its exit codes.
    package static func help(_ statuses: [ExitStatus]) -> String {
        let known = statuses.map { "\($0.code) \($0.meaning)" }
        return "Exit codes: " + (known + ["130 and 143 \(ExitStatus.signal(0).meaning)"]).joined(separator: ", ") + "."
    }
}
