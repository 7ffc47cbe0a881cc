import Coordinator
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// One run: a world works on the queue, its results go to the output as they come, the person is told and obeyed.
struct RunSession {
    let queue: SQLiteQueue
    let output: OutputFile
    private var signals: Signals
    private var progress = Progress()
    /// The first signal that asked for an end.
    private var interruption: Int32?
    private var stopDeadline: ContinuousClock.Instant?
    private var outputFailure: (any Error)?

    private static let pollMilliseconds = 500
    /// What a world may take to end after it was told to stop.
    private static let patience = Duration.seconds(2)

    init(queue: SQLiteQueue, output: OutputFile, signals: Signals) {
        self.queue = queue
        self.output = output
        self.signals = signals
    }

    /// Runs the world to its end.
    ///
    /// - Throws: `ExitStatus` or a `CommandFailure`, unless every job was answered.
    mutating func run(_ command: WorldCommand) throws {
        let before = try queue.counts()
        let start = ContinuousClock.now
        let world = try WorldProcess(command) { line in Talk.say(line) }
        let end = try follow(world)
        progress.end()
        // Nobody has them any more: the next run need not wait for them to run out. Who was stopped on purpose is not
        // to blame for it.
        try queue.takeBackAll(countingAttempts: interruption == nil)
        if outputFailure == nil { try output.appendNew(from: queue) }
        if let outputFailure { throw outputFailure }

        let counts = try queue.counts()
        say(counts, since: before, in: ContinuousClock.now - start)
        if counts.outstanding > 0 {
            if let interruption { throw ExitStatus.signal(interruption) }
            throw Self.failure(of: end, outstanding: counts.outstanding)
        }
    }

    private mutating func follow(_ world: WorldProcess) throws -> WorldProcess.End {
        var nextPoll = ContinuousClock.now
        while true {
            if let end = world.poll() { return end }
            if ContinuousClock.now >= nextPoll {
                nextPoll = .now + .milliseconds(Self.pollMilliseconds)
                poll(world)
            }
            if let stopDeadline, ContinuousClock.now > stopDeadline { world.destroy() }
            if let signal = signals.next(within: Self.pollMilliseconds), signal != SIGCHLD { obey(signal, world) }
        }
    }

    /// Copies new results and shows how far it is. A queue that is busy now is asked again later.
    private mutating func poll(_ world: WorldProcess) {
        do {
            if outputFailure == nil { try output.appendNew(from: queue) }
        } catch is QueueError {
            return
        } catch {
            outputFailure = error
            Talk.say("paligemma: \(CommandFailure(error)?.message ?? "\(error)")")
            world.drain()
        }
        if let counts = try? queue.counts() { progress.show(counts) }
    }

    private mutating func obey(_ signal: Int32, _ world: WorldProcess) {
        if interruption == nil {
            interruption = signal
            Talk.say("paligemma: finishing or returning what is in flight; once more stops at once")
            world.drain()
        } else {
            world.stop()
            stopDeadline = stopDeadline ?? .now + Self.patience
        }
    }

    private func say(_ counts: JobCounts, since before: JobCounts, in time: Duration) {
        let finished = counts.finished - before.finished
        let speed = Double(finished) / max(time.inSeconds, 1e-3)
        var text = "\(counts.done) done, \(counts.failed) failed"
        if counts.outstanding > 0 { text += ", \(counts.outstanding) left" }
        text += String(format: "; %d in %.1f s (%.3g pictures/s)", finished, time.inSeconds, speed)
        Talk.say(text)
    }

    /// Why a world ended before its work, as an exit code. pg-worker's own codes are ours; mpirun gives them on, has 1
    /// for its own troubles, and 128 + N where a rank died of signal N.
    static func failure(of end: WorldProcess.End, outstanding: Int) -> CommandFailure {
        let left = "\(outstanding) jobs are left; start the same command again to go on"
        switch end {
        case .killed(let signal):
            return CommandFailure(.internalFault, "the world was killed by signal \(signal); \(left)")
        case .exited(2): return CommandFailure(.usage, "the world refused how it was started, see above; \(left)")
        case .exited(3): return CommandFailure(.environment, "the world could not start here, see above; \(left)")
        case .exited(4): return CommandFailure(.modelInvalid, "the world could not use the model, see above")
        case .exited(5): return CommandFailure(.queueUnavailable, "the world could not use the queue, see above")
        case .exited(let code) where code == 130 || code == 143:
            return CommandFailure(ExitStatus(rawValue: code), "the world was interrupted; \(left)")
        case .exited(let code) where code > 128:
            return CommandFailure(.internalFault, "a rank of the world died of signal \(code - 128); \(left)")
        case .exited(1): return CommandFailure(.environment, "mpirun failed, see above; \(left)")
        case .exited(let code):
            return CommandFailure(.internalFault, "the world ended with code \(code), see above; \(left)")
        }
    }
}
