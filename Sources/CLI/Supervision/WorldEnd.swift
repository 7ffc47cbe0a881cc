#if canImport(Glibc)
    import Glibc
#endif

/// How a process ended.
package enum ProcessEnd: Equatable, Sendable {
    case exited(Int32)
    case killed(signal: Int32)
}

/// What the end of a world's launcher means for the one who started it.
package enum WorldEnd: Equatable, Sendable {
    /// It did what it was asked for: the queue was empty, or it drained.
    case finished(code: Int32)
    /// Somebody else ended it on purpose.
    case interrupted(code: Int32)
    /// It could not start, and would not the next time.
    case refused(code: Int32, reason: String)
    /// It died; the next one may live.
    case died(cause: String)

    /// pg-worker's exit codes are its own; mpirun gives them on, has 1 and a few others for its own troubles, and
    /// 128 + N where a rank died of signal N.
    ///
    /// - Parameters:
    ///   - said: lines that the world said, which tell mpirun's troubles from a rank's death.
    ///   - memoryRanOut: the kernel killed some process meanwhile for want of memory.
    package init(_ end: ProcessEnd, said: [String] = [], memoryRanOut: Bool = false) {
        switch end {
        case .killed(let signal):
            self = .died(cause: Self.name(of: signal, memoryRanOut) + " of its launcher")
        case .exited(let code):
            if let trouble = Self.launcherTrouble(in: said), code != 0 {
                self = .refused(code: 3, reason: trouble)
            } else {
                self = Self.meaning(of: code, memoryRanOut)
            }
        }
    }

    private static func meaning(of code: Int32, _ memoryRanOut: Bool) -> WorldEnd {
        switch code {
        case 0, 1: .finished(code: code)
        case 2: .refused(code: 2, reason: "the world refused how it was started, see above")
        case 3: .refused(code: 3, reason: "the world could not start here, see above")
        case 4: .refused(code: 4, reason: "the world could not use the model, see above")
        case 78: .refused(code: 5, reason: "the queue does not take this world, see above")
        case 5: .died(cause: queueUnavailable)
        case 71: .died(cause: "out of memory")
        case 75: .died(cause: "a watchdog ended it: no progress")
        case 126, 127: .refused(code: 3, reason: "the command cannot be run, see above")
        case 130, 143: .interrupted(code: code)
        case 129...192: .died(cause: name(of: code - 128, memoryRanOut) + " of a rank")
        default: .died(cause: "exit code \(code)")
        }
    }

    /// The cause of a death that is the queue's.
    static let queueUnavailable = "the queue could not be used"

    /// What mpirun says when no rank ever ran.
    private static func launcherTrouble(in said: [String]) -> String? {
        let marks = [
            "unable to launch the specified application", "not enough slots available",
            "attempt to run as root", "could not access\nor execute an executable",
        ]
        return marks.contains { mark in said.contains { $0.contains(mark) } }
            ? "mpirun could not start the ranks, see above" : nil
    }

    private static func name(of signal: Int32, _ memoryRanOut: Bool) -> String {
        let name = signalNames[signal] ?? "signal \(signal)"
        return signal == SIGKILL && memoryRanOut ? "SIGKILL (the kernel, for want of memory)" : name
    }

    private static let signalNames: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGSEGV: "SIGSEGV",
        SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGUSR1: "SIGUSR1", SIGUSR2: "SIGUSR2",
        SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
    ]
}
