import Foundation
import Queue

/// Processes that are stopped (SIGSTOP) and continued.
enum StopScenarios {
    /// A whole world is stopped just before it tells the queue of an answer, until its leases are over and others have
    /// answered; then it continues. Its answers come late, and must be refused.
    static func lateWorlds(queue: String?, rounds: Int) throws -> Report {
        let setup = try FaultEnvironment(queue: queue)
        defer { setup.close() }
        try setup.submit(40)
        let world = try setup.supervise(worker: ["--lease-seconds", "1", "--batch-rows", "1"], fault: true)
        var (others, late): (Set<String>, Set<String>) = ([], [])
        var stopped = 0
        while stopped < rounds {
            if try setup.queue.counts().ready < 20 { try setup.submit(20) }
            guard Tools.wait(seconds: 20, until: { world.ranks.count == 3 }) else { throw Failure(world.output) }
            try setup.arm("before-finish")
            guard setup.waitForHit("before-finish", seconds: 10) else { continue }
            // One that has lost its lease before is refused too, but proves nothing new.
            let job = setup.jobHit
            guard !others.contains(job), try setup.queue.counts().leased > 0 else {
                setup.disarm()
                continue
            }
            let processes = world.world
            for id in processes { kill(id, SIGSTOP) }
            others.formUnion(try answerInItsPlace(setup.queue, name: "harness:\(stopped)"))
            if others.contains(job) { late.insert(job) }
            setup.disarm()
            for id in processes.reversed() { kill(id, SIGCONT) }
            stopped += 1
        }
        let verification = try setup.verify()
        // The stopped world had all of these; `late` are those that it was about to answer, and did.
        var (stand, refused) = (0, 0)
        try setup.queue.forEachResult(sorted: false) { result in
            guard case .answered(let answer) = result.outcome, answer.text == "harness" else { return }
            if others.contains(result.id) { stand += 1 }
            if late.contains(result.id) { refused += 1 }
        }
        let isGood = verification.isGood && refused == rounds && stand == others.count
        return Report(
            name: "\(rounds) worlds stopped past their lease", isGood: isGood,
            lines: [
                verification.text,
                "late finishes refused: \(refused) of \(rounds); answers in place of stopped worlds: \(stand) of \(others.count) stand",
            ])
    }

    /// Waits for the leases of a stopped world to run out, and answers everything that it had.
    private static func answerInItsPlace(_ queue: any JobQueue, name: String) throws -> [String] {
        let held = try queue.counts().leased
        var answered: [String] = []
        let deadline = DispatchTime.now() + 15.0
        while answered.count < held, DispatchTime.now() < deadline {
            let leases = try queue.lease(limit: 1, for: .seconds(60), owner: name)
            guard let lease = leases.first, lease.isSuspect else {
                try queue.release(leases.map(\.handle))
                usleep(50_000)
                continue
            }
            let answer = Answer(text: "harness", tokens: [5], logprobs: [-1], finishReason: .stop, seconds: 1)
            try queue.finish(lease.handle, with: answer)
            answered.append(lease.job.id)
        }
        guard answered.count == held else { throw Failure("only \(answered.count) of \(held) leases ran out") }
        return answered
    }

    /// One rank is stopped for good; its peers must notice, name it, and end the world.
    static func stoppedRanks(queue: String?, rounds: Int) throws -> Report {
        let setup = try FaultEnvironment(queue: queue)
        defer { setup.close() }
        try setup.submit(40)
        let world = try setup.supervise(
            worker: ["--batch-rows", "1", "--watchdog", "2"], fault: true)
        var (round, attempts, named, slowest) = (0, 0, 0, 0.0)
        while round < rounds {
            attempts += 1
            guard attempts <= 3 * rounds else {
                throw Failure("no world lived long enough: \(world.output.suffix(3000))")
            }
            if try setup.queue.counts().ready < 20 { try setup.submit(20) }
            // On a busy machine a watchdog with so short a timeout may end a world that nobody stopped.
            guard Tools.wait(seconds: 20, until: { world.ranks.count == 3 }), let launcher = world.launcher else {
                continue
            }
            try setup.arm("before-decode")
            let isThere = setup.waitForHit("before-decode", seconds: 10)
            let ranks = world.ranks
            guard isThere, ranks.count == 3 else { continue }
            let victim = ranks[round % 3]
            let seen = world.output.count
            try setup.noteKill()
            kill(victim, SIGSTOP)
            setup.disarm()
            let start = DispatchTime.now().uptimeNanoseconds
            guard Tools.wait(seconds: 30, until: { world.launcher != launcher }) else {
                throw Failure("the world with a stopped rank did not end: \(world.output.suffix(3000))")
            }
            slowest = max(slowest, Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
            if world.output.dropFirst(seen).contains("no progress of rank \(round % 3) (no heartbeat from it)") {
                named += 1
            }
            round += 1
        }
        let verification = try setup.verify()
        return Report(
            name: "\(rounds) ranks stopped for good", isGood: verification.isGood && named == rounds,
            lines: [
                verification.text,
                "\(named) named by a peer; the world was gone after \(String(format: "%.1f", slowest)) s at most, with --watchdog 2",
            ])
    }

    /// A dead rank, and how long until captions come again.
    static func restarts(queue: String?, rounds: Int) throws -> Report {
        let setup = try FaultEnvironment(queue: queue)
        defer { setup.close() }
        try setup.submit(60)
        func start() throws -> Supervised {
            try setup.supervise(worker: ["--batch-rows", "1"], options: [], fault: true)
        }
        var (times, deaths): ([Double], Int) = ([], 0)
        var world = try start()
        while times.count < rounds {
            // The fifth death in ten minutes would be the last.
            if deaths == 4 {
                world.destroy()
                world = try start()
                deaths = 0
            }
            if try setup.queue.counts().ready < 40 { try setup.submit(40) }
            guard Tools.wait(seconds: 20, until: { world.ranks.count == 3 }) else { throw Failure(world.output) }
            try setup.arm("before-decode")
            guard setup.waitForHit("before-decode", seconds: 10), let victim = world.ranks.randomElement(),
                let old = try setup.queue.holders().first?.owner
            else { continue }
            try setup.noteKill()
            let start = DispatchTime.now().uptimeNanoseconds
            kill(victim, SIGKILL)
            deaths += 1
            setup.disarm()
            var after = try setup.queue.audit(after: 0, limit: 1_000_000).last?.number ?? 0
            let isBack = Tools.wait(seconds: 60) {
                let new = (try? setup.queue.audit(after: after, limit: 1000)) ?? []
                after = new.last?.number ?? after
                return new.contains { $0.owner != old && $0.state == .done }
            }
            guard isBack else { throw Failure("no captions after 60 s: \(world.output.suffix(2000))") }
            times.append(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
        }
        let verification = try setup.verify()
        let sorted = times.sorted()
        let text = [sorted[0], sorted[sorted.count / 2], sorted[sorted.count - 1]].map { String(format: "%.1f", $0) }
        return Report(
            name: "\(rounds) dead ranks", isGood: verification.isGood && sorted.allSatisfy { $0 <= 30 },
            lines: [
                verification.text,
                "captions again after \(text[0]) s at least, \(text[1]) s median, \(text[2]) s at most",
            ])
    }
}
