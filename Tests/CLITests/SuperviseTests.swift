import Foundation
import Queue
import TestSupport
import Testing
import WorkerInterface
import paligemma

@Suite("Ends of worlds") struct WorldEndTests {
    @Test(
        "A world that ended on purpose did not die",
        arguments: [
            (Int32(0), WorldEnd.finished(.success)), (1, .finished(.jobsFailed)), (130, .interrupted(.signal(SIGINT))),
            (143, .interrupted(.signal(SIGTERM))),
        ])
    func endsOnPurpose(code: Int32, end: WorldEnd) {
        #expect(WorldEnd(.exited(code)) == end)
    }

    @Test(
        "The exit code of a world that died names the cause",
        arguments: [
            (Int32(5), DeathCause.queueUnavailable, "the queue could not be used"), (70, .exitCode(70), "exit code 70"),
            (71, .outOfMemory, "out of memory"), (75, .stalled, "a watchdog ended it: no progress"),
            (137, .signal(SIGKILL, of: .rank, memoryRanOut: false), "SIGKILL of a rank"),
            (139, .signal(SIGSEGV, of: .rank, memoryRanOut: false), "SIGSEGV of a rank"),
        ])
    func deaths(code: Int32, cause: DeathCause, text: String) {
        #expect(WorldEnd(.exited(code)) == .died(cause))
        #expect(cause.description == text)
    }

    @Test("A world that another start cannot help is not started again", arguments: [2, 3, 4, 78, 126, 127] as [Int32])
    func refusals(code: Int32) {
        guard case .refused = WorldEnd(.exited(code)) else {
            Issue.record("\(code) would be started again")
            return
        }
    }

    @Test("A program that mpirun cannot start is not started again")
    func launcherFailure() {
        let output = ["mpirun was unable to launch the specified application as it could not access"]
        guard case .refused = WorldEnd(.exited(132), output: output) else {
            Issue.record("it would be started again")
            return
        }
        #expect(WorldEnd(.exited(132)) == .died(.signal(SIGILL, of: .rank, memoryRanOut: false)))
    }

    @Test("A kill by the kernel because memory ran out is named")
    func outOfMemory() {
        guard case .died(let cause) = WorldEnd(.exited(137), memoryRanOut: true) else {
            Issue.record("no death")
            return
        }
        #expect(cause.description.contains("out-of-memory killer"))
        guard case .died(let launcherCause) = WorldEnd(.killed(signal: 9)) else {
            Issue.record("no death")
            return
        }
        #expect(launcherCause.description == "SIGKILL of its launcher")
    }
}

@Suite("Restarts and the poison job policy") struct RestartPolicyTests {
    private let start = ContinuousClock.now

    private func die(_ policy: inout RestartPolicy, second: Int) -> RestartPolicy.Decision {
        policy.decide(
            at: start + .seconds(second), cause: .signal(SIGSEGV, of: .rank, memoryRanOut: false), lived: .seconds(7),
            when: "12:00:00")
    }

    @Test("The supervisor gives up with the fifth death in the window")
    func maximumDeaths() {
        var policy = RestartPolicy()
        for second in 0..<4 {
            guard case .restart = die(&policy, second: second) else {
                Issue.record("gave up too early")
                return
            }
        }
        let expected = Array(repeating: "12:00:00, after 7 s: SIGSEGV of a rank", count: 5)
        #expect(die(&policy, second: 599) == .giveUp(summary: expected))
    }

    @Test("Deaths before the window do not count")
    func window() {
        var policy = RestartPolicy()
        for death in 0..<20 {
            guard case .restart = die(&policy, second: death * 200) else {
                Issue.record("gave up at death \(death)")
                return
            }
        }
    }

    @Test("Deaths that a failed job caused are forgotten")
    func forgiveness() {
        var policy = RestartPolicy()
        for second in 0..<20 {
            if second % 4 == 3 { policy.forgive() }
            guard case .restart = die(&policy, second: second) else {
                Issue.record("gave up at \(second)")
                return
            }
        }
    }

    @Test("A death that a job explains does not count")
    func explainedDeaths() {
        var policy = RestartPolicy()
        for second in 0..<20 {
            let decision = second % 5 == 0 ? die(&policy, second: second) : policy.excuse()
            guard case .restart = decision else {
                Issue.record("gave up at \(second)")
                return
            }
        }
    }

    @Test("Jobs are failed as poison only where worlds have answered others")
    func poisonPolicy() {
        var policy = PoisonPolicy()
        let before = policy.mayFailJobs(worldHasAnswered: false)
        let proven = policy.mayFailJobs(worldHasAnswered: true)
        var later: [Bool] = []
        for _ in 0..<4 {
            later.append(policy.mayFailJobs(worldHasAnswered: false))
            policy.recordFailure()
        }
        // After three jobs without an answer in between the machine may have broken.
        #expect(!before && proven && later == [true, true, true, false])
        let again = policy.mayFailJobs(worldHasAnswered: true)
        #expect(again)
    }

    @Test("Pauses double up to their maximum, with jitter")
    func pauses() {
        var limits = RestartPolicy.Limits()
        limits.maximumDeaths = 100
        limits.longestPause = .seconds(10)
        var policy = RestartPolicy(limits)
        for (death, pause) in [1, 2, 4, 8, 10, 10].enumerated() {
            guard case .restart(let after) = die(&policy, second: death) else {
                Issue.record("gave up")
                return
            }
            #expect(after >= .seconds(Double(pause) * 0.5) && after <= .seconds(Double(pause) * 1.5))
        }
    }
}

/// `supervise` with a pg-worker that is a script.
@Suite("The supervise command", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct SuperviseTests {
    let bench: CommandBench
    private let queueName = "jobs.db"

    init() throws {
        bench = try CommandBench()
        try bench.writePictures(20)
        let submitted = try bench.run("submit", "--queue", queueName, "--prompt", "ocr", "pictures")
        #expect(submitted.code == 0, "\(submitted.errors)")
    }

    private func supervise(_ options: String...) throws -> RunningCommand {
        let own = ["supervise", "--restart-pause", "0.02"] + options
        return try RunningCommand(bench, own + ["--", bench.path("bin/pg-worker"), "--queue", queueName])
    }

    private var counts: JobCounts { get throws { try SQLiteQueue(path: bench.path(queueName)).counts() } }

    @Test("A world that died is started again, and its jobs are there at once")
    func restart() throws {
        let stress = try CommandBench.built("queue-stress")
        try bench.installWorker(
            """
            [ -e '\(bench.path("died"))' ] && exec '\(stress)' "$QUEUE" "$PALIGEMMA_WORLD" 600000
            touch '\(bench.path("died"))'
            '\(stress)' "$QUEUE" "$PALIGEMMA_WORLD" 600000 100 >'\(bench.path("first"))' &
            while [ ! -s '\(bench.path("first"))' ]; do sleep 0.05; done
            kill -9 $$
            """)
        let outcome = try supervise().wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("tried again"))
        #expect(bench.worldsStarted.count == 2)
        #expect(try counts.done == 20)
    }

    @Test("The supervisor gives up after five deaths")
    func maximumDeaths() throws {
        try bench.installWorker("kill -SEGV $$")
        let outcome = try supervise().wait()
        #expect(outcome.code == 70)
        #expect(bench.worldsStarted.count == 5)
        #expect(outcome.errors.contains("giving up; the world died 5 times:"))
        #expect(outcome.errors.components(separatedBy: "s: SIGSEGV of its launcher").count == 6)
    }

    @Test(
        "A world that another start cannot help ends the supervisor at once",
        arguments: [("2", Int32(2)), ("3", 3), ("4", 4), ("78", 5), ("127", 3)])
    func refusal(code: String, expected: Int32) throws {
        try bench.installWorker("exit \(code)")
        let outcome = try supervise().wait()
        #expect(outcome.code == expected)
        #expect(bench.worldsStarted.count == 1)
        #expect(outcome.errors.contains("starting it again would not help"))
    }

    @Test("A program that does not exist is a failure of the environment")
    func missingProgram() throws {
        let outcome = try bench.run("supervise", "--", "no-such-program")
        #expect(outcome.code == 3)
        #expect(outcome.errors.contains("no-such-program is not on PATH"))
        #expect(try bench.run("supervise").code == 2)
    }

    @Test("SIGTERM drains the world")
    func termination() throws {
        try bench.installStressWorker(pauseMilliseconds: 50)
        let command = try supervise()
        #expect(command.waitUntil { (try? counts.done) ?? 0 > 0 })
        command.terminate()
        #expect(try command.wait().code == 143)
        let end = try counts
        #expect(end.leased == 0 && end.ready > 0 && bench.worldsStarted.count == 1)
    }

    @Test("Every limit that is given to supervise reaches the ranks, and no other does")
    func handedOn() throws {
        try bench.installWorker("env >'\(bench.path("environment"))'")
        #expect(try supervise("--watchdog", "45", "--drain-timeout", "60").wait().code == 0)
        // A world returns its jobs a little before its supervisor would end it.
        let limits = ["PALIGEMMA_WATCHDOG=45.0", "PALIGEMMA_DRAIN_TIMEOUT=55.0"]
        #expect(try variables().isSuperset(of: limits))
        #expect(try supervise().wait().code == 0)
        #expect(try !variables().contains { $0.hasPrefix("PALIGEMMA_WATCHDOG=") })
    }

    /// Returns the environment of the last world.
    private func variables() throws -> Set<String> {
        let text = try String(contentsOfFile: bench.path("environment"), encoding: .utf8)
        return Set(text.split(separator: "\n").map(String.init))
    }

    @Test("A world that does not drain in time is ended")
    func drainTimeout() throws {
        try bench.installWorker("trap '' USR1 TERM; touch '\(bench.path("ready"))'; while :; do sleep 0.05; done")
        let command = try supervise("--drain-timeout", "0.3")
        #expect(command.waitUntil { bench.exists("ready") })
        command.terminate()
        let outcome = try command.wait()
        #expect(outcome.code == 143)
        #expect(outcome.errors.contains("not drained after"))
    }

    /// A world that has leased and neither drains nor ends when it is asked to.
    private func installStubbornWorker() throws {
        let stress = try CommandBench.built("queue-stress")
        try bench.installWorker(
            """
            trap '' USR1 TERM
            '\(stress)' "$QUEUE" "$PALIGEMMA_WORLD" 600000 600000 &
            while :; do sleep 0.05; done
            """)
    }

    @Test("The jobs of a world that a second signal ended are back in the queue at once")
    func secondSignal() throws {
        try installStubbornWorker()
        let command = try supervise()
        #expect(command.waitUntil { (try? counts.leased) ?? 0 > 0 })
        command.terminate()
        #expect(command.waitUntil { command.errorsSoFar.contains("once more stops at once") })
        command.terminate()
        let outcome = try command.wait()
        #expect(outcome.code == 143)
        #expect(outcome.errors.contains("went back to the queue"), "\(outcome.errors)")
        try expectUntouched()
    }

    @Test("The jobs of a world that did not drain in time are back in the queue at once")
    func jobsAfterDrainTimeout() throws {
        try installStubbornWorker()
        let command = try supervise("--drain-timeout", "0.3")
        #expect(command.waitUntil { (try? counts.leased) ?? 0 > 0 })
        command.terminate()
        #expect(try command.wait().code == 143)
        try expectUntouched()
    }

    /// All jobs are ready, none is suspect, no attempt has counted.
    private func expectUntouched() throws {
        let queue = try SQLiteQueue(path: bench.path(queueName))
        #expect(try queue.counts().ready == 20)
        let leases = try queue.lease(limit: 20, for: .seconds(60), owner: "next")
        #expect(leases.count == 20 && leases.allSatisfy { !$0.isSuspect && $0.attempt == 1 })
    }

    /// Jobs that kill whoever has them, and a world that dies as soon as it has one; the stress worker answers three
    /// at a time.
    @Test("A broken machine fails no job")
    func brokenMachine() throws {
        let stress = try CommandBench.built("queue-stress")
        try bench.installWorker(
            """
            '\(stress)' "$QUEUE" "$PALIGEMMA_WORLD" 600000 600000 &
            sleep 0.3
            kill -ILL $$
            """)
        for _ in 0..<3 {
            let outcome = try supervise().wait()
            #expect(outcome.code == 70)
            #expect(outcome.errors.contains("no job was failed for it"), "\(outcome.errors)")
        }
        #expect(bench.worldsStarted.count == 15)
        let end = try counts
        #expect(end.failed == 0 && end.ready == 20)
    }

    @Test("A world whose supervisor is killed is told to drain")
    func killedSupervisor() throws {
        try bench.installWorker(
            "trap 'touch \"\(bench.path("drained"))\"; exit' USR1; touch '\(bench.path("ready"))'; while :; do sleep 0.05; done"
        )
        let command = try supervise()
        #expect(command.waitUntil { bench.exists("ready") })
        kill(command.processID, SIGKILL)
        _ = try command.wait()
        let deadline = ContinuousClock.now + .seconds(60)
        while !bench.exists("drained"), ContinuousClock.now < deadline { usleep(10_000) }
        #expect(bench.exists("drained"))
    }
}
