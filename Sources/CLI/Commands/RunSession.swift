import Foundation
import Queue
import ResultSinks
import WorkerInterface

/// One run: worlds work on the queue, results go to the output as they come, and signals are obeyed.
struct RunSession {
    let queue: SQLiteQueue
    let output: any ResultSink
    private let supervisor: Supervisor
    private var progress = ProgressDisplay()
    private var outputFailure: (any Error)?
    /// Jobs that are still being submitted; nil where all are.
    private var submission: SubmissionThread?
    private var hasToldFailure = false

    init(
        queue: SQLiteQueue, output: any ResultSink, settings: Supervisor.Settings, signals: Signals,
        submission: SubmissionThread? = nil, failedStart: FailedStart? = nil
    ) {
        self.submission = submission
        self.queue = queue
        self.output = output
        supervisor = Supervisor(settings, queue: { queue }, signals: signals)
        supervisor.onFailedStart = failedStart.map { failedStart in { failedStart.report() } }
    }

    /// Runs worlds until the work is done or cannot continue, and writes what is left of the output.
    ///
    /// - Returns: whether the output has all that was asked for.
    /// - Throws: `ExitStatus` or a `CommandFailure`, unless every job was answered.
    mutating func run(_ command: WorldCommand) throws -> Bool {
        let before = try queue.counts()
        let start = ContinuousClock.now
        let end = try supervisor.run(command) { tick() }
        progress.end()
        if let outputFailure { throw outputFailure }
        let isWhole = try Self.finish(output, from: queue)

        let counts = try queue.counts()
        report(counts, since: before, in: ContinuousClock.now - start)
        // Nobody waits for what is not yet submitted: the same command goes on there.
        let isSubmitted = submission?.hasEnded ?? true
        if counts.outstanding > 0 || !isSubmitted {
            tellFailure()
            if let interruption = supervisor.interruption { throw ExitStatus.signal(interruption) }
            throw end.failure(outstanding: counts.outstanding, isSubmitted: isSubmitted)
        }
        // What was submitted before it failed is answered.
        if let failure = submission?.failure { throw failure }
        return isWhole
    }

    /// Writes what is left of an output, and tells what a person has to know of it.
    ///
    /// - Returns: whether it has all that was asked for.
    /// - Throws: `SinkError`, `QueueError`.
    static func finish(_ output: any ResultSink, from queue: SQLiteQueue) throws -> Bool {
        let report = try output.finish(from: queue)
        for note in report.notes { Console.log(note) }
        return !report.isIncomplete
    }

    /// Writes new results and shows the progress. A queue that is busy now is asked again later.
    private mutating func tick() {
        do {
            if outputFailure == nil { try output.update(from: queue) }
        } catch is QueueError {
            return
        } catch {
            outputFailure = error
            Console.log(CommandFailure(error)?.message ?? "\(error)")
            supervisor.drain()
        }
        tellFailure()
        // Asked first: what is submitted in between is then counted.
        let isSubmitted = submission?.hasEnded ?? true
        guard let counts = try? queue.counts() else { return }
        progress.show(counts)
        // A world that was started before all jobs were there does not know when it is done.
        if submission != nil, isSubmitted, counts.outstanding == 0 { supervisor.drain() }
    }

    /// Tells why not all was submitted, once: the first jobs may take hours.
    private mutating func tellFailure() {
        guard !hasToldFailure, let failure = submission?.failure else { return }
        hasToldFailure = true
        Console.log(
            "\(CommandFailure(failure)?.message ?? "\(failure)"); what was submitted before is still answered")
    }

    private func report(_ counts: JobCounts, since before: JobCounts, in time: Duration) {
        let finished = counts.finished - before.finished
        let speed = Double(finished) / max(time.inSeconds, 1e-3)
        var text = "\(counts.done) done, \(counts.failed) failed"
        if counts.outstanding > 0 { text += ", \(counts.outstanding) left" }
        text += String(format: "; %d in %.1f s (%.3g pictures/s)", finished, time.inSeconds, speed)
        Console.writeLine(text)
    }
}
