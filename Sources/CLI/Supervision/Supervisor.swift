import Base
import Foundation
import Queue
import WorkerInterface

#if canImport(Glibc)
    import Glibc
#endif

/// Keeps a world running: starts it, starts it again after a death, passes on a request to stop, and returns the jobs of a
/// world that is gone to the queue.
final class Supervisor {
    struct Settings {
        var restarts = RestartPolicy.Limits()
        /// How long a world may take to finish or return its leased jobs after it was asked to drain. Then it is ended, and
        /// its jobs are returned to the queue.
        var drainTimeout = Duration.seconds(WorkerOptions.table.drainTimeout.defaultValue)
        /// How long a world may be stopped from outside.
        var stoppedTimeout = Duration.seconds(180)
    }

    private static let pollMilliseconds = 100
    private static let reminderInterval = Duration.seconds(2)
    private static let tickInterval = Duration.milliseconds(500)
    /// A world that dies within this time, without an answer, did not start.
    private static let startTimeout = Duration.seconds(600)
    /// How long a world may take to end after it was told to stop at once.
    private static let stopTimeout = Duration.seconds(2)

    private let settings: Settings
    private let openQueue: () throws -> (any JobQueue)?
    private var signals: Signals
    private var policy: RestartPolicy
    private var poisonPolicy = PoisonPolicy()
    private var world: WorldProcess?
    /// The first signal that asked for an end.
    private(set) var interruption: Int32?
    private var drainDeadline: ContinuousClock.Instant?
    private var stopDeadline: ContinuousClock.Instant?
    private var starts = 0
    /// What is done at the first signal, instead of draining at once; whoever sets it calls ``drain()`` later.
    var onInterruption: (() -> Void)?
    /// What is done, once, when a world could not start: it was refused by its environment, or died before it answered a job.
    var onFailedStart: (() -> Void)?
    /// Jobs that were failed because they kill worlds; the last world knows nothing of them.
    private(set) var poisonedJobs = 0

    /// - Parameter queue: opens the queue to which the ends of worlds are reported. It is opened only when there is
    ///   something to report, for the queue's own failure may have ended a world; nil where no queue is known.
    init(_ settings: Settings, queue: @escaping () throws -> (any JobQueue)?, signals: Signals) {
        self.settings = settings
        openQueue = queue
        self.signals = signals
        policy = RestartPolicy(settings.restarts)
    }

    /// Runs one world after another, until one ends by itself or another start would not help.
    ///
    /// - Parameters:
    ///   - command: what to start; the world's name is added to its environment.
    ///   - onTick: called about twice a second while a world runs.
    /// - Returns: how the last world ended; `died` where one gave up.
    func run(_ command: WorldCommand, onTick: () -> Void = {}) throws -> WorldEnd {
        while true {
            let start = ContinuousClock.now
            let (name, end) = try runOnce(command, onTick)
            switch end {
            case .died(let cause) where stopDeadline == nil:
                var hasAnswered = false
                let isExplained = withQueue(default: false) { queue in
                    hasAnswered = try queue.hasAnswered(name)
                    guard cause != .queueUnavailable else {
                        try returnLeases(of: name, to: queue)
                        return false
                    }
                    return try record(deathOf: name, cause: cause, in: queue)
                }
                if !isEnding, !hasAnswered, .now - start < Self.startTimeout { reportFailedStart() }
                guard !isEnding, waitForRestart(after: cause, lived: .now - start, isExplained) else { return end }
            case .died, .interrupted:
                withQueue(default: ()) { try returnLeases(of: name, to: $0) }
                return end
            case .refused(.environment, _):
                reportFailedStart()
                return end
            case .finished, .refused: return end
            }
        }
    }

    private func reportFailedStart() {
        onFailedStart?()
        onFailedStart = nil
    }

    /// Asks the world to finish its leased jobs or return them to the queue. No other world is started.
    func drain() {
        guard drainDeadline == nil else { return }
        drainDeadline = .now + settings.drainTimeout
        world?.drain()
    }

    private var isEnding: Bool { drainDeadline != nil || stopDeadline != nil }

    // MARK: One world

    private func runOnce(_ command: WorldCommand, _ onTick: () -> Void) throws -> (name: String, end: WorldEnd) {
        starts += 1
        let name = Self.worldName(number: starts)
        var named = command
        var worker = WorkerSettings()
        worker.worldName = name
        // The world should return its jobs itself, before this supervisor ends it: only the world knows which of them it
        // had not begun.
        let seconds = settings.drainTimeout.inSeconds
        worker.drainTimeout = max(0.5 * seconds, seconds - 5)
        named.environment.merge(worker.environment) { _, own in own }
        let killedBefore = LocalMachine.processesKilledForMemory
        let world = try WorldProcess(named) { line in Console.writeLine(line) }
        self.world = world
        defer { self.world = nil }
        var watch = WorldWatch(launcher: world.processID, stoppedTimeout: settings.stoppedTimeout)
        let (end, givenUpFor) = follow(world, &watch, onTick)
        watch.removeRemains()
        if let givenUpFor { return (name, .died(givenUpFor)) }
        let memoryRanOut = LocalMachine.processesKilledForMemory > killedBefore
        return (name, WorldEnd(end, output: watch.sawRanks ? [] : world.lastLines, memoryRanOut: memoryRanOut))
    }

    /// - Returns: how the world ended, and why it was ended where it would not have ended by itself.
    private func follow(
        _ world: WorldProcess, _ watch: inout WorldWatch, _ onTick: () -> Void
    ) -> (ProcessEnd, givenUpFor: DeathCause?) {
        var (nextTick, givenUpFor): (ContinuousClock.Instant, DeathCause?) = (.now, nil)
        var nextReminder = ContinuousClock.now + Self.reminderInterval
        while true {
            if let end = world.poll() { return (end, givenUpFor) }
            let now = ContinuousClock.now
            if !watch.sawRanks || now >= nextTick {
                let reason = watch.inspect(at: now)
                if givenUpFor == nil, let reason {
                    Console.log("the world will not end by itself: \(reason)")
                    givenUpFor = reason
                }
                if givenUpFor != nil { world.destroy() }
            }
            if now >= nextTick {
                nextTick = now + Self.tickInterval
                onTick()
            }
            if drainDeadline != nil, stopDeadline == nil, now >= nextReminder {
                // A launcher that had not set up its signal handlers yet did not forward the first signal.
                nextReminder = now + Self.reminderInterval
                world.drain()
            }
            enforceDeadlines(world, now)
            if let signal = signals.next(within: Self.pollMilliseconds), signal != SIGCHLD { handle(signal) }
        }
    }

    private func enforceDeadlines(_ world: WorldProcess, _ now: ContinuousClock.Instant) {
        if let drainDeadline, now > drainDeadline, stopDeadline == nil {
            let seconds = settings.drainTimeout.components.seconds
            Console.log("not drained after \(seconds) s; ending the world, its jobs go back to the queue")
            world.stop()
            stopDeadline = now + Self.stopTimeout
        }
        if let stopDeadline, now > stopDeadline { world.destroy() }
    }

    private func handle(_ signal: Int32) {
        if interruption == nil {
            interruption = signal
            if let onInterruption { return onInterruption() }
            Console.log("finishing or returning the leased jobs; once more stops at once")
            drain()
        } else {
            world?.stop()
            stopDeadline = stopDeadline ?? .now + Self.stopTimeout
        }
    }

    // MARK: Between two worlds

    /// Returns the jobs of a world that was ended on purpose or by a failure of the queue. No job caused that.
    private func returnLeases(of name: String, to queue: any JobQueue) throws {
        let jobs = try queue.release(ofWorld: name)
        if jobs > 0 { Console.log("\(jobs.counted("job")) went back to the queue") }
    }

    /// Returns the jobs of a dead world to the queue, and fails those that killed every world that had them.
    ///
    /// - Returns: whether a job explains the death, so that it does not count against the worlds.
    private func record(deathOf name: String, cause: DeathCause, in queue: any JobQueue) throws -> Bool {
        let hasAnswered = try queue.hasAnswered(name)
        let record = try queue.recordDeath(
            ofWorld: name, cause: cause.description,
            failsPoison: poisonPolicy.mayFailJobs(worldHasAnswered: hasAnswered))
        if record.reclaimed > 0 {
            Console.log(record.reclaimed.counted("job is tried again", "jobs are tried again, one at a time"))
        }
        for job in record.poisoned {
            Console.log("job '\(job)' failed as poison: it killed every world that had it")
        }
        if !record.poisoned.isEmpty {
            poisonedJobs += record.poisoned.count
            poisonPolicy.recordFailure()
            policy.forgive()
        }
        return record.wasAlone && hasAnswered || !record.poisoned.isEmpty
    }

    /// Waits until the next start is due.
    ///
    /// - Returns: false where there will be none.
    private func waitForRestart(after cause: DeathCause, lived: Duration, _ isExplained: Bool) -> Bool {
        let decision =
            isExplained
            ? policy.excuse() : policy.decide(at: .now, cause: cause, lived: lived, when: Self.timeOfDay())
        switch decision {
        case .giveUp(let summary):
            Console.log("giving up; the world died \(summary.count.counted("time")):")
            for line in summary { Console.writeLine("    \(line)") }
            Console.log("no job was failed for it; look at this machine and at what the world wrote above")
            return false
        case .restart(let pause):
            let text = String(format: "%.1f", pause.inSeconds)
            Console.log("the world died (\(cause)); starting it again in \(text) s")
            let next = ContinuousClock.now + pause
            while ContinuousClock.now < next {
                if let signal = signals.next(within: Self.pollMilliseconds), signal != SIGCHLD {
                    interruption = interruption ?? signal
                    return false
                }
            }
            return true
        }
    }

    /// Tells the queue something. Where it cannot be reached, the leases of the world run out instead.
    private func withQueue<Result>(default instead: Result, _ body: (any JobQueue) throws -> Result) -> Result {
        do {
            return try openQueue().map(body) ?? instead
        } catch {
            Console.log("the queue could not be updated: \(error); its leases will run out instead")
            return instead
        }
    }

    /// Containers may have the name of the host and the number of the process in common: the last part differs.
    private static func worldName(number: Int) -> String {
        let mark = String(UInt32.random(in: 0 ... .max), radix: 16)
        return "\(ProcessInfo.processInfo.hostName):\(getpid()).\(number).\(mark)"
    }

    private static func timeOfDay() -> String {
        var (now, parts) = (time(nil), tm())
        localtime_r(&now, &parts)
        return String(format: "%02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec)
    }
}
