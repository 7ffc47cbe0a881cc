import Coordinator
import Foundation

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

    /// What the queue is told of a world that is gone.
    struct Ledger {
        /// It died with jobs that may be to blame.
        var died: (_ world: String, _ cause: String) throws -> DeathRecord
        /// It was ended on purpose.
        var ended: (_ world: String) throws -> Void
    }

    private static let pollMilliseconds = 100
    private static let reminderInterval = Duration.seconds(2)
    private static let tickInterval = Duration.milliseconds(500)
    /// What a world may take to end after it was told to stop at once.
    private static let patience = Duration.seconds(2)

    private let settings: Settings
    private let ledger: Ledger
    private var signals: Signals
    private var policy: RestartPolicy
    private var world: WorldProcess?
    /// The first signal that asked for an end.
    private(set) var interruption: Int32?
    private var drainDeadline: ContinuousClock.Instant?
    private var stopDeadline: ContinuousClock.Instant?
    private var starts = 0

    init(_ settings: Settings, ledger: Ledger, signals: Signals) {
        self.settings = settings
        self.ledger = ledger
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
            case .died(let cause) where !isEnding:
                tell { note(try ledger.died(name, cause)) }
                guard try rest(cause: cause, lived: .now - start) else { return end }
            default:
                tell { try ledger.ended(name) }
                return end
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

    /// Says what the queue made of a death. One that a job was to blame for is not held against the worlds.
    private func note(_ record: DeathRecord) {
        if record.takenBack > 0 { Talk.say("paligemma: \(record.takenBack) jobs are tried again, one at a time") }
        for job in record.poisoned {
            Talk.say("paligemma: job '\(job)' failed as poison: it killed every world that had it")
        }
        if !record.poisoned.isEmpty { policy.forgive() }
    }

    /// Waits until the next start is due. False where there will be none.
    private func rest(cause: String, lived: Duration) throws -> Bool {
        switch policy.decide(at: .now, cause: cause, lived: lived, when: Self.timeOfDay()) {
        case .giveUp(let summary):
            Talk.say("paligemma: giving up; the world died \(summary.count) times:")
            for line in summary { Talk.say("    \(line)") }
            return false
        case .restart(let pause):
            let text = String(format: "%.1f", pause.inSeconds)
            Talk.say("paligemma: the world died (\(cause)); starting it again in \(text) s")
            let next = ContinuousClock.now + pause
            while ContinuousClock.now < next {
                if let signal = signals.next(within: Self.pollMilliseconds), signal != SIGCHLD {
                    interruption = signal
                    return false
                }
            }
            return true
        }
    }

    /// A queue that cannot be reached now hears of it when the leases run out.
    private func tell(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            Talk.say("paligemma: the queue could not be told: \(error); its leases will run out instead")
        }
    }

    private static func worldName(number: Int) -> String {
        "\(ProcessInfo.processInfo.hostName):\(getpid()).\(number)"
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
