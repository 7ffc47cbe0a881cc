import Base
import WorkerInterface

extension WorldEnd {
    /// Returns why the world ended before the work did, with the exit code.
    ///
    /// - Parameter isSubmitted: Whether all jobs were read.
    func failure(outstanding: Int, isSubmitted: Bool = true) -> CommandFailure {
        let jobs = outstanding.counted("job is", "jobs are")
        let left =
            "\(jobs) left\(isSubmitted ? "" : ", and not all were read"); start the same command again to continue"
        switch self {
        case .refused(let status, let reason): return CommandFailure(status, "\(reason); \(left)")
        case .interrupted(let status): return CommandFailure(status, "the world was interrupted; \(left)")
        case .died(.queueUnavailable):
            return CommandFailure(.queue, "\(DeathCause.queueUnavailable), see above; \(left)")
        case .died(let cause): return CommandFailure(.internalError, "the world died: \(cause); \(left)")
        case .finished(.jobsFailed): return CommandFailure(.environment, "the world failed, see above; \(left)")
        case .finished: return CommandFailure(.internalError, "the world ended, see above; \(left)")
        }
    }
}
