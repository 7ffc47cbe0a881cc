import Base
import WorkerInterface

#if canImport(Glibc)
    import Glibc
#endif

/// What the end of a world's launcher means for the one who started it.
package enum WorldEnd: Equatable, Sendable {
    /// It did what it was asked for: the queue was empty, or it drained.
    case finished(ExitStatus)
    /// Somebody else ended it on purpose.
    case interrupted(ExitStatus)
    /// It could not start, and would not the next time.
    case refused(ExitStatus, reason: String)
    /// It died; the next one may live.
    case died(DeathCause)

    /// pg-worker's exit codes are its own; mpirun passes them on, has 1 and a few others for its own failures, and
    /// 128 + N where a rank died of signal N.
    ///
    /// - Parameters:
    ///   - output: lines that the world wrote, which distinguish mpirun's failures from a rank's death.
    ///   - memoryRanOut: whether the kernel killed some process meanwhile because memory ran out.
    package init(_ end: ProcessEnd, output: [String] = [], memoryRanOut: Bool = false) {
        switch end {
        case .killed(let signal):
            self = .died(.signal(signal, of: .launcher, memoryRanOut: memoryRanOut))
        case .exited(let code):
            if code != 0, Self.isLauncherFailure(output) {
                self = .refused(.environment, reason: "mpirun could not start the ranks, see above")
            } else {
                self = Self.meaning(of: code, memoryRanOut)
            }
        }
    }

    private static func meaning(of code: Int32, _ memoryRanOut: Bool) -> WorldEnd {
        switch ExitStatus(code: code) {
        case .success?: .finished(.success)
        case .jobsFailed?: .finished(.jobsFailed)
        case .usage?: .refused(.usage, reason: "the world refused how it was started, see above")
        case .environment?: .refused(.environment, reason: "the world could not start here, see above")
        case .model?: .refused(.model, reason: "the world could not use the model, see above")
        case .queueRefuses?: .refused(.queue, reason: "the queue does not take this world, see above")
        case .queue?: .died(.queueUnavailable)
        case .outOfMemory?: .died(.outOfMemory)
        case .stalled?: .died(.stalled)
        case .signal(SIGINT)?: .interrupted(.signal(SIGINT))
        case .signal(SIGTERM)?: .interrupted(.signal(SIGTERM))
        case .signal(let number)?: .died(.signal(number, of: .rank, memoryRanOut: memoryRanOut))
        // A shell's codes for a command that it cannot run.
        case nil where code == 126 || code == 127:
            .refused(.environment, reason: "the command cannot be run, see above")
        case .internalError?, nil: .died(.exitCode(code))
        }
    }

    /// Returns whether the output is mpirun's when no rank ever ran.
    private static func isLauncherFailure(_ output: [String]) -> Bool {
        let phrases = [
            "unable to launch the specified application", "not enough slots available",
            "attempt to run as root", "could not access\nor execute an executable",
        ]
        return phrases.contains { phrase in output.contains { $0.contains(phrase) } }
    }
}
