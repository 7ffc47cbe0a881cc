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

    private let workshop: Workshop
    private var supervisor: Supervised
    private var places = Histogram()
    private var victims = Histogram()
    private var misses = 0

    /// - Parameters:
    ///   - each: kills before and after each change of state.
    ///   - steps: kills before and after each step of a world.
    ///   - random: kills at random moments.
    static func run(queue: String?, each: Int, steps: Int, random: Int) throws -> Report {
        let workshop = try Workshop(queue: queue)
        defer { workshop.close() }
        let before = Tools.leftInSharedMemory
        var scenario = try KillScenario(workshop)
        let wanted: [String] =
            around(Self.changes, each) + around(Self.steps, steps) + Array(repeating: "random", count: random)
        for (index, place) in wanted.enumerated() {
            let victim = Victim.allCases[(index + index / Victim.allCases.count) % Victim.allCases.count]
            try scenario.kill(victim, at: place)
            Report.detail("\(place), \(victim.rawValue)")
            if index % 20 == 19 { Report.progress("kills: \(index + 1) of \(wanted.count)") }
        }
        let judgement = try workshop.judge()
        let left = Tools.leftInSharedMemory.subtracting(before).count
        var report = Report(
            name: "\(wanted.count) kills", isGood: judgement.isGood && scenario.places.total == wanted.count)
        report.lines = [
            judgement.text, "victims: \(scenario.victims.text)", "killed at: \(scenario.places.text)",
            "worlds with one suspect job: \(workshop.killsAlone); places not reached at the first try: \(scenario.misses); segments left in /dev/shm: \(left)",
        ]
        return report
    }

    private static func around(_ steps: [String], _ times: Int) -> [String] {
        steps.flatMap { step -> [String] in
            let places = ["before-" + step, "after-" + step]
            return places.flatMap { Array(repeating: $0, count: times) }
        }
    }

    private init(_ workshop: Workshop) throws {
        self.workshop = workshop
        try workshop.submit(200)
        supervisor = try Self.start(workshop)
    }

    private static func start(_ workshop: Workshop) throws -> Supervised {
        try workshop.supervise(worker: ["--lease-seconds", lease, "--batch-rows", "1"], fault: true)
    }

    private mutating func kill(_ victim: Victim, at place: String) throws {
        for _ in 0..<20 {
            if !supervisor.isRunning { supervisor = try Self.start(workshop) }
            if try workshop.queue.counts().ready < 150 { try workshop.submit(200) }
            if try place == "random" ? atRandom(victim) : atPlace(place, victim) { return }
            misses += 1
            Report.detail(
                "no world with a job came to \(place); last was \(workshop.lastPlace), \(try workshop.queue.counts())")
            workshop.disarm()
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
                Tools.wait(seconds: 1, until: { (try? workshop.queue.counts().leased) ?? 0 >= 4 })
            else { return false }
            usleep(20_000)
            Foundation.kill(launcher, SIGUSR1)
            try workshop.arm(place, holding: true)
            return workshop.waitForHit(place, seconds: 5) ? try strike(victim, at: place) : false
        }
        return try hit(place) && strike(victim, at: place)
    }

    /// Waits for a world to come to a place with jobs leased. One that has a suspect job has no other, and is let go on
    /// for a while: its kills say little, and make poison.
    private func hit(_ place: String) throws -> Bool {
        let (deadline, fallback) = (DispatchTime.now() + 30.0, DispatchTime.now() + 10.0)
        while DispatchTime.now() < deadline, supervisor.isRunning {
            try workshop.arm(place)
            guard try comes(to: place) else { return false }
            let isAlone = try workshop.queue.holders().contains(where: \.hasSuspect)
            if try workshop.queue.counts().leased > 0, !isAlone || DispatchTime.now() > fallback { return true }
            workshop.disarm()
            if try workshop.queue.counts().ready < 20 { return false }
        }
        return false
    }

    /// Leases are renewed every ten seconds: until then there has to be work.
    private func comes(to place: String) throws -> Bool {
        let deadline = DispatchTime.now() + (place.hasSuffix("renew") ? 15.0 : 5.0)
        while DispatchTime.now() < deadline {
            if workshop.waitForHit(place, seconds: 0.5) { return true }
            if try workshop.queue.counts().ready < 100 { try workshop.submit(200) }
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
        guard let target, try workshop.queue.counts().leased > 0 else { return false }
        try workshop.noteKill()
        Foundation.kill(target, SIGKILL)
        let name = place == "random" ? "random, last " + workshop.lastPlace : place
        workshop.disarm()
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
