import Foundation
import Queue

/// One run: worlds work on the queue, their results go to the output as they come, the person is told and obeyed.
struct RunSession {
    let queue: SQLiteQueue
    let output: OutputFile
    private let supervisor: Supervisor
    private var progress = Progress()
    private var outputFailure: (any Error)?

    init(queue: SQLiteQueue, output: OutputFile, settings: Supervisor.Settings, signals: Signals) {
        self.queue = queue
        self.output = output
        supervisor = Supervisor(settings, ledger: { queue }, signals: signals)
    }

    /// Runs worlds until the work is done or cannot go on.
    ///
    /// - Throws: `ExitStatus` or a `CommandFailure`, unless every job was answered.
    mutating func run(_ command: WorldCommand) throws {
        let before = try queue.counts()
        let start = ContinuousClock.now
        let end = try supervisor.run(command) { tick() }
        progress.end()
        if outputFailure == nil { try output.appendNew(from: queue) }
        if let outputFailure { throw outputFailure }

        let counts = try queue.counts()
        say(counts, since: before, in: ContinuousClock.now - start)
        if counts.outstanding > 0 {
            if let interruption = supervisor.interruption { throw ExitStatus.signal(interruption) }
            throw Self.failure(of: end, outstanding: counts.outstanding)
        }
    }

    /// Copies new results and shows how far it is. A queue that is busy now is asked again later.
    private mutating func tick() {
        do {
            if outputFailure == nil { try output.appendNew(from: queue) }
        } catch is QueueError {
            return
        } catch {
            outputFailure = error
            Talk.say("paligemma: \(CommandFailure(error)?.message ?? "\(error)")")
            supervisor.drain()
        }
        if let counts = try? queue.counts() { progress.show(counts) }
    }

    private func say(_ counts: JobCounts, since before: JobCounts, in time: Duration) {
        let finished = counts.finished - before.finished
        let speed = Double(finished) / max(time.inSeconds, 1e-3)
        var text = "\(counts.done) done, \(counts.failed) failed"
        if counts.outstanding > 0 { text += ", \(counts.outstanding) left" }
        text += String(format: "; %d in %.1f s (%.3g pictures/s)", finished, time.inSeconds, speed)
        Talk.say(text)
    }

    /// Why the last world ended before the work did, as an exit code.
    static func failure(of end: WorldEnd, outstanding: Int) -> CommandFailure {
        let left = "\(outstanding) jobs are left; start the same command again to go on"
        switch end {
        case .refused(let code, let reason): return CommandFailure(ExitStatus(rawValue: code), "\(reason); \(left)")
        case .interrupted(let code):
            return CommandFailure(ExitStatus(rawValue: code), "the world was interrupted; \(left)")
        case .died(let cause) where cause == WorldEnd.queueUnavailable:
            return CommandFailure(.queueUnavailable, "\(cause), see above; \(left)")
        case .died(let cause): return CommandFailure(.internalFault, "the world died: \(cause); \(left)")
        case .finished(1): return CommandFailure(.environment, "the world failed, see above; \(left)")
        case .finished: return CommandFailure(.internalFault, "the world ended, see above; \(left)")
        }
    }
}
