#if canImport(Glibc)
    import Glibc
#endif

/// What a world died of.
package enum DeathCause: Equatable, Sendable {
    /// Which of the world's processes a signal killed.
    package enum Victim: String, Sendable {
        case rank = "a rank"
        case launcher = "its launcher"
    }

    case queueUnavailable
    case outOfMemory
    /// A watchdog ended the world.
    case stalled
    /// - Parameter memoryRanOut: the kernel killed some process meanwhile because memory ran out.
    case signal(Int32, of: Victim, memoryRanOut: Bool)
    case exitCode(Int32)
    /// A rank was gone, and the launcher did not end.
    case launcherRemained
    /// The world was stopped from outside for too long.
    case stopped
}

extension DeathCause: CustomStringConvertible {
    package var description: String {
        switch self {
        case .queueUnavailable: "the queue could not be used"
        case .outOfMemory: "out of memory"
        case .stalled: "a watchdog ended it: no progress"
        case .signal(SIGKILL, let victim, memoryRanOut: true):
            "SIGKILL by the kernel's out-of-memory killer of \(victim.rawValue)"
        case .signal(let number, let victim, _):
            "\(Self.signalNames[number] ?? "signal \(number)") of \(victim.rawValue)"
        case .exitCode(let code): "exit code \(code)"
        case .launcherRemained: "a rank was gone, and its launcher stayed"
        case .stopped: "it was stopped (SIGSTOP) for too long"
        }
    }

    private static let signalNames: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGSEGV: "SIGSEGV",
        SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGUSR1: "SIGUSR1", SIGUSR2: "SIGUSR2",
        SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
    ]
}
