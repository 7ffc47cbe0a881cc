import Foundation

/// Kills by SIGKILL: a rank, rank 0, mpirun, the supervisor; just before and just after every change of a job's state,
/// and at random moments. Each while a job is leased.
struct KillScenario {
    enum Victim: String, CaseIterable {
        case rank = "a rank"
        case first = "rank 0"
        case launcher = "mpirun"
        case supervisor = "the supervisor"
    }

    /// What the queue is told; each is killed around `each` times before and after it.
    private static let changes = ["lease", "finish", "fail", "release"]
    /// What a world does in between.
    private static let steps = ["renew", "prepare", "encode", "prefill", "decode"]
    /// Seconds; with short leases a world holds few jobs.
    private static let lease = "30"

    private let setup: FaultEnvironment
    private var supervisor: Supervised
    private var places = Histogram()
    private var victims = Histogram()
    private var misses = 0

    /// - Parameters:
    ///   - each: kills before and after each change of state.
    ///   - steps: kills before and after each step of a world.
    ///   - random: kills at random moments.
    static func run(queue: String?, each: Int, steps: Int, random: Int) throws -> Report {
        let setup = try FaultEnvironment(queue: queue)
        defer { setup.close() }
        let before = Tools.leftInSharedMemory
        var scenario = try KillScenario(setup)
        let wanted: [String] =
            around(Self.changes, each) + around(Self.steps, steps) + Array(repeating: "random", count: random)
        for (index, place) in wanted.enumerated() {
            let victim = Victim.allCases[(index + index / Victim.allCases.count) % Victim.allCases.count]
            try scenario.kill(victim, at: place)
            Report.detail("\(place), \(victim.rawValue)")
            if index % 20 == 19 { Report.progress("kills: \(index + 1) of \(wanted.count)") }
        }
        let verification = try setup.verify()
        let left = Tools.leftInSharedMemory.subtracting(before).count
        var report = Report(
            name: "\(wanted.count) kills", isGood: verification.isGood && scenario.places.total == wanted.count)
        report.lines = [
            verification.text, "victims: \(scenario.victims.text)", "killed at: \(scenario.places.text)",
            "worlds with one suspect job: \(setup.killsAlone); places not reached at the first try: \(scenario.misses); segments left in /dev/shm: \(left)",
        ]
        return report
    }

    private static func around(_ steps: [String], _ times: Int) -> [String] {
        steps.flatMap { step -> [String] in
            let places = ["before-" + step, "after-" + step]
            return places.flatMap { Array(repeating: $0, count: times) }
        }
    }

    private init(_ setup: FaultEnvironment) throws {
        self.setup = setup
        try setup.submit(200)
        supervisor = try Self.start(setup)
    }

    private static func start(_ setup: FaultEnvironment) throws -> Supervised {
        try setup.supervise(worker: ["--lease-seconds", lease, "--batch-rows", "1"], fault: true)
    }

    private mutating func kill(_ victim: Victim, at place: String) throws {
        for _ in 0..<20 {
            if !supervisor.isRunning { supervisor = try Self.start(setup) }
            if try setup.queue.counts().ready < 150 { try setup.submit(200) }
            if try place == "random" ? atRandom(victim) : atPlace(place, victim) { return }
            misses += 1
            Report.detail(
                "no world with a job came to \(place); last was \(setup.lastPlace), \(try setup.queue.counts())")
            setup.disarm()
        }
        throw Failure(
            "no world came to \(place) with a job leased; see \(supervisor.log):\n\(supervisor.output.suffix(2000))")
    }

    private mutating func atPlace(_ place: String, _ victim: Victim) throws -> Bool {
        guard Tools.wait(seconds: 20, until: { supervisor.ranks.count == 3 || !supervisor.isRunning }) else {
            return false
        }
        if place.hasSuffix("release") {
            // A world gives back what it has not begun when it drains; while pictures wait to be encoded, that is much.
            guard try hit("before-encode"), let launcher = supervisor.launcher,
                Tools.wait(seconds: 1, until: { (try? setup.queue.counts().leased) ?? 0 >= 4 })
            else { return false }
            usleep(20_000)
            Foundation.kill(launcher, SIGUSR1)
            try setup.arm(place, holding: true)
            return setup.waitForHit(place, seconds: 5) ? try strike(victim, at: place) : false
        }
        return try hit(place) && strike(victim, at: place)
    }

    /// Waits for a world to come to a place with jobs leased. One that has a suspect job has no other, and is let go on
    /// for a while: its kills say little, and make poison.
    private func hit(_ place: String) throws -> Bool {
        let (deadline, fallback) = (DispatchTime.now() + 30.0, DispatchTime.now() + 10.0)
        while DispatchTime.now() < deadline, supervisor.isRunning {
            try setup.arm(place)
            guard try comes(to: place) else { return false }
            let isAlone = try setup.queue.holders().contains(where: \.hasSuspect)
            if try setup.queue.counts().leased > 0, !isAlone || DispatchTime.now() > fallback { return true }
            setup.disarm()
            if try setup.queue.counts().ready < 20 { return false }
        }
        return false
    }

    /// Leases are renewed every ten seconds: until then there has to be work.
    private func comes(to place: String) throws -> Bool {
        let deadline = DispatchTime.now() + (place.hasSuffix("renew") ? 15.0 : 5.0)
        while DispatchTime.now() < deadline {
            if setup.waitForHit(place, seconds: 0.5) { return true }
            if try setup.queue.counts().ready < 100 { try setup.submit(200) }
        }
        return false
    }

    private mutating func atRandom(_ victim: Victim) throws -> Bool {
        guard Tools.wait(seconds: 20, until: { supervisor.ranks.count == 3 || !supervisor.isRunning }),
            supervisor.isRunning
        else { return false }
        usleep(UInt32.random(in: 300_000...900_000))
        return try strike(victim, at: "random")
    }

    /// Kills, where a job is leased at this moment.
    private mutating func strike(_ victim: Victim, at place: String) throws -> Bool {
        let target: pid_t? =
            switch victim {
            case .rank: supervisor.ranks.dropFirst().randomElement()
            case .first: supervisor.ranks.first
            case .launcher: supervisor.launcher
            case .supervisor: supervisor.id
            }
        guard let target, try setup.queue.counts().leased > 0 else { return false }
        try setup.noteKill()
        Foundation.kill(target, SIGKILL)
        let name = place == "random" ? "random, last " + setup.lastPlace : place
        setup.disarm()
        places.count(name)
        victims.count(victim.rawValue)
        if victim == .supervisor { _ = supervisor.waitForEnd(seconds: 5) }
        _ = Tools.wait(seconds: 10) { !Tools.isAlive(target) }
        // The world of a killed rank goes as a whole before the next kill.
        if victim != .supervisor, let launcher = supervisor.launcher, victim != .launcher {
            _ = Tools.wait(seconds: 15) { supervisor.launcher != launcher }
        }
        return true
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
