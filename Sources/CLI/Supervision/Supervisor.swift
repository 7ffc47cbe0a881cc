import Foundation
import Queue

#if canImport(Glibc)
    import Glibc
#endif

/// Keeps a world at work: starts it, starts it again after a death, passes on a request to stop, and gives the queue back
/// what a world had that is gone.
final class Supervisor {
    struct Settings {
        var restarts = RestartPolicy.Limits()
        /// What a world may take to finish or give back what is in flight; then it is ended, and that is done for it.
        var drainTimeout = Duration.seconds(120)
        /// How long a world may stand still, stopped from outside.
        var stoppedLimit = Duration.seconds(180)
    }

    private static let pollMilliseconds = 100
    private static let reminderInterval = Duration.seconds(2)
    private static let tickInterval = Duration.milliseconds(500)
    /// What a world may take to end after it was told to stop at once.
    private static let patience = Duration.seconds(2)

    private let settings: Settings
    private let openLedger: () throws -> (any JobQueue)?
    private var signals: Signals
    private var policy: RestartPolicy
    private var blame = Blame()
    private var world: WorldProcess?
    /// The first signal that asked for an end.
    private(set) var interruption: Int32?
    private var drainDeadline: ContinuousClock.Instant?
    private var stopDeadline: ContinuousClock.Instant?
    private var starts = 0
    /// Jobs that were failed because they kill worlds; the last world knows nothing of them.
    private(set) var poisonedJobs = 0

    /// - Parameter ledger: the queue that is told what became of worlds, opened when there is something to tell, for it
    ///   may be the queue's own trouble that ended a world; nil where nobody knows it.
    init(_ settings: Settings, ledger: @escaping () throws -> (any JobQueue)?, signals: Signals) {
        self.settings = settings
        openLedger = ledger
        self.signals = signals
        policy = RestartPolicy(settings.restarts)
    }

    /// Runs worlds until one ends as it should, or there is no use in another.
    ///
    /// - Parameters:
    ///   - command: what to start; the world's name is added to its environment.
    ///   - onTick: called now and then while a world runs.
    /// - Returns: how the last world ended; `died` where one gave up.
    func run(_ command: WorldCommand, onTick: () -> Void = {}) throws -> WorldEnd {
        while true {
            let start = ContinuousClock.now
            let (name, end) = try runOnce(command, onTick)
            switch end {
            case .died(let cause) where stopDeadline == nil:
                let isExplained = tell(default: false) { queue in
                    guard cause != WorldEnd.queueUnavailable else {
                        try giveBack(what: name, to: queue)
                        return false
                    }
                    return try record(deathOf: name, cause: cause, in: queue)
                }
                guard !isEnding, rest(cause: cause, lived: .now - start, isExplained) else { return end }
            case .died, .interrupted:
                tell(default: ()) { try giveBack(what: name, to: $0) }
                return end
            case .finished, .refused: return end
            }
        }
    }

    /// Lets the world finish or give back what is in flight. Nothing is started any more.
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
        named.environment["PALIGEMMA_WORLD"] = name
        // The world keeps the promise itself; who ends it from outside cannot say which jobs are innocent.
        let seconds = settings.drainTimeout.inSeconds
        named.environment[Variable.drainTimeout.name] = "\(max(0.5 * seconds, seconds - 5))"
        let killedBefore = Self.killedForMemory
        let world = try WorldProcess(named) { line in Talk.say(line) }
        self.world = world
        defer { self.world = nil }
        var watch = WorldWatch(launcher: world.processID, stoppedLimit: settings.stoppedLimit)
        let (end, hopeless) = follow(world, &watch, onTick)
        watch.removeRemains()
        if let hopeless { return (name, .died(cause: hopeless)) }
        let memoryRanOut = Self.killedForMemory > killedBefore
        return (name, WorldEnd(end, said: watch.sawRanks ? [] : world.lastLines, memoryRanOut: memoryRanOut))
    }

    /// - Returns: how the world ended, and why it was ended where it would not have ended by itself.
    private func follow(
        _ world: WorldProcess, _ watch: inout WorldWatch, _ onTick: () -> Void
    ) -> (ProcessEnd, hopeless: String?) {
        var (nextTick, hopeless): (ContinuousClock.Instant, String?) = (.now, nil)
        var nextReminder = ContinuousClock.now + Self.reminderInterval
        while true {
            if let end = world.poll() { return (end, hopeless) }
            let now = ContinuousClock.now
            if !watch.sawRanks || now >= nextTick {
                let reason = watch.look(at: now)
                if hopeless == nil, let reason {
                    Talk.say("paligemma: the world will not end by itself: \(reason)")
                    hopeless = reason
                }
                if hopeless != nil { world.destroy() }
            }
            if now >= nextTick {
                nextTick = now + Self.tickInterval
                onTick()
            }
            if drainDeadline != nil, stopDeadline == nil, now >= nextReminder {
                // A launcher that had not begun yet passed nothing on.
                nextReminder = now + Self.reminderInterval
                world.drain()
            }
            enforceDeadlines(world, now)
            if let signal = signals.next(within: Self.pollMilliseconds), signal != SIGCHLD { obey(signal) }
        }
    }

    private func enforceDeadlines(_ world: WorldProcess, _ now: ContinuousClock.Instant) {
        if let drainDeadline, now > drainDeadline, stopDeadline == nil {
            let seconds = settings.drainTimeout.components.seconds
            Talk.say("paligemma: not drained after \(seconds) s; ending the world, its jobs go back to the queue")
            world.stop()
            stopDeadline = now + Self.patience
        }
        if let stopDeadline, now > stopDeadline { world.destroy() }
    }

    private func obey(_ signal: Int32) {
        if interruption == nil {
            interruption = signal
            Talk.say("paligemma: finishing or returning what is in flight; once more stops at once")
            drain()
        } else {
            world?.stop()
            stopDeadline = stopDeadline ?? .now + Self.patience
        }
    }

    // MARK: Between two worlds

    /// Gives back what a world had that was ended on purpose, or by the queue's own trouble: no job is to blame.
    private func giveBack(what name: String, to queue: any JobQueue) throws {
        let jobs = try queue.release(ofWorld: name)
        if jobs > 0 { Talk.say("paligemma: \(jobs) jobs went back to the queue") }
    }

    /// Takes back what a dead world had.
    ///
    /// - Returns: whether a job explains the death, so that it says nothing against the worlds.
    private func record(deathOf name: String, cause: String, in queue: any JobQueue) throws -> Bool {
        let hasAnswered = try queue.hasAnswered(name)
        let record = try queue.recordDeath(ofWorld: name, cause: cause, failsPoison: blame.mayFail(hasAnswered))
        if record.takenBack > 0 { Talk.say("paligemma: \(record.takenBack) jobs are tried again, one at a time") }
        for job in record.poisoned {
            Talk.say("paligemma: job '\(job)' failed as poison: it killed every world that had it")
        }
        if !record.poisoned.isEmpty {
            poisonedJobs += record.poisoned.count
            blame.failed()
            policy.forgive()
        }
        return record.wasAlone && hasAnswered || !record.poisoned.isEmpty
    }

    /// Waits until the next start is due. False where there will be none.
    private func rest(cause: String, lived: Duration, _ isExplained: Bool) -> Bool {
        let decision =
            isExplained
            ? policy.excuse() : policy.decide(at: .now, cause: cause, lived: lived, when: Self.timeOfDay())
        switch decision {
        case .giveUp(let summary):
            Talk.say("paligemma: giving up; the world died \(summary.count) times:")
            for line in summary { Talk.say("    \(line)") }
            Talk.say("paligemma: no job is held to blame; look at this machine and at what the world said above")
            return false
        case .restart(let pause):
            let text = String(format: "%.1f", pause.inSeconds)
            Talk.say("paligemma: the world died (\(cause)); starting it again in \(text) s")
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

    /// A queue that cannot be reached now hears of it when the leases run out.
    private func tell<Result>(default instead: Result, _ body: (any JobQueue) throws -> Result) -> Result {
        do {
            return try openLedger().map(body) ?? instead
        } catch {
            Talk.say("paligemma: the queue could not be told: \(error); its leases will run out instead")
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

    /// Processes of this machine that the kernel has killed for want of memory, in a cgroup or altogether.
    private static var killedForMemory: Int {
        let text = String(decoding: FileManager.default.contents(atPath: "/proc/vmstat") ?? Data(), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
        return line.flatMap { Int($0.dropFirst("oom_kill ".count)) } ?? 0
    }
}
