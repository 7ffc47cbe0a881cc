import Foundation
import Queue
import TestSupport
import Testing
import paligemma

@Suite struct WorldEndTests {
    @Test(arguments: [
        (Int32(0), WorldEnd.finished(code: 0)), (1, .finished(code: 1)), (130, .interrupted(code: 130)),
        (143, .interrupted(code: 143)), (5, .died(cause: "the queue could not be used")),
        (70, .died(cause: "exit code 70")), (71, .died(cause: "out of memory")),
        (75, .died(cause: "a watchdog ended it: no progress")), (137, .died(cause: "SIGKILL of a rank")),
        (139, .died(cause: "SIGSEGV of a rank")),
    ])
    func everyExitCodeHasItsMeaning(code: Int32, end: WorldEnd) {
        #expect(WorldEnd(.exited(code)) == end)
    }

    @Test(arguments: [2, 3, 4, 78, 126, 127] as [Int32])
    func whatARestartCannotHelpIsRefused(code: Int32) {
        guard case .refused = WorldEnd(.exited(code)) else {
            Issue.record("\(code) would be started again")
            return
        }
    }

    @Test func aProgramThatMpirunCannotStartIsNoDeath() {
        let said = ["mpirun was unable to launch the specified application as it could not access"]
        guard case .refused = WorldEnd(.exited(132), said: said) else {
            Issue.record("it would be started again")
            return
        }
        #expect(WorldEnd(.exited(132)) == .died(cause: "SIGILL of a rank"))
    }

    @Test func aKillForWantOfMemoryIsNamed() {
        guard case .died(let cause) = WorldEnd(.exited(137), memoryRanOut: true) else {
            Issue.record("no death")
            return
        }
        #expect(cause.contains("want of memory"))
        #expect(WorldEnd(.killed(signal: 9)) == .died(cause: "SIGKILL of its launcher"))
    }
}

@Suite struct RestartPolicyTests {
    private let start = ContinuousClock.now

    private func die(_ policy: inout RestartPolicy, second: Int) -> RestartPolicy.Decision {
        policy.decide(at: start + .seconds(second), cause: "SIGSEGV", lived: .seconds(7), when: "12:00:00")
    }

    @Test func theFifthDeathInTheWindowIsTheLast() {
        var policy = RestartPolicy()
        for second in 0..<4 {
            guard case .restart = die(&policy, second: second) else {
                Issue.record("gave up too early")
                return
            }
        }
        let expected = Array(repeating: "12:00:00, after 7 s: SIGSEGV", count: 5)
        #expect(die(&policy, second: 599) == .giveUp(summary: expected))
    }

    @Test func oldDeathsAreForgotten() {
        var policy = RestartPolicy()
        for death in 0..<20 {
            guard case .restart = die(&policy, second: death * 200) else {
                Issue.record("gave up at death \(death)")
                return
            }
        }
    }

    @Test func aDeathThatAJobIsToBlameForIsForgiven() {
        var policy = RestartPolicy()
        for second in 0..<20 {
            if second % 4 == 3 { policy.forgive() }
            guard case .restart = die(&policy, second: second) else {
                Issue.record("gave up at \(second)")
                return
            }
        }
    }

    @Test func aDeathThatAJobExplainsIsNotCounted() {
        var policy = RestartPolicy()
        for second in 0..<20 {
            let decision = second % 5 == 0 ? die(&policy, second: second) : policy.excuse()
            guard case .restart = decision else {
                Issue.record("gave up at \(second)")
                return
            }
        }
    }

    @Test func jobsAreBlamedOnlyWhereWorldsHaveAnsweredOthers() {
        var blame = Blame()
        let before = blame.mayFail(false)
        let proven = blame.mayFail(true)
        var later: [Bool] = []
        for _ in 0..<4 {
            later.append(blame.mayFail(false))
            blame.failed()
        }
        // After three jobs without an answer in between the machine may have broken.
        #expect(!before && proven && later == [true, true, true, false])
        let again = blame.mayFail(true)
        #expect(again)
    }

    @Test func pausesDoubleUpToTheirBoundWithJitter() {
        var limits = RestartPolicy.Limits()
        limits.mostDeaths = 100
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
@Suite(.timeLimit(.minutes(3 * Sanitizer.slowness))) struct SuperviseTests {
    let bench: CommandBench
    private let queueName = "jobs.db"

    init() throws {
        bench = try CommandBench()
        try bench.writePictures(20)
        let submitted = try bench.run("submit", "--queue", queueName, "--prompt", "ocr", "pictures")
        #expect(submitted.code == 0, "\(submitted.talk)")
    }

    private func supervise(_ options: String...) throws -> RunningCommand {
        let own = ["supervise", "--restart-pause", "0.02"] + options
        return try RunningCommand(bench, own + ["--", bench.path("bin/pg-worker"), "--queue", queueName])
    }

    private var counts: JobCounts { get throws { try SQLiteQueue(path: bench.path(queueName)).counts() } }

    @Test func aWorldThatDiedIsStartedAgainAndItsJobsAreThereAtOnce() throws {
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
        #expect(outcome.code == 0, "\(outcome.talk)")
        #expect(outcome.talk.contains("jobs are tried again, one at a time"))
        #expect(bench.worldsStarted.count == 2)
        #expect(try counts.done == 20)
    }

    @Test func fiveDeathsAreTheEnd() throws {
        try bench.installWorker("kill -SEGV $$")
        let outcome = try supervise().wait()
        #expect(outcome.code == 70)
        #expect(bench.worldsStarted.count == 5)
        #expect(outcome.talk.contains("giving up; the world died 5 times:"))
        #expect(outcome.talk.components(separatedBy: "s: SIGSEGV of its launcher").count == 6)
    }

    @Test(arguments: [("2", Int32(2)), ("3", 3), ("4", 4), ("78", 5), ("127", 3)])
    func whatARestartCannotHelpStopsAtOnce(code: String, expected: Int32) throws {
        try bench.installWorker("exit \(code)")
        let outcome = try supervise().wait()
        #expect(outcome.code == expected)
        #expect(bench.worldsStarted.count == 1)
        #expect(outcome.talk.contains("starting it again would not help"))
    }

    @Test func aProgramThatIsNotThereIsAFaultOfTheEnvironment() throws {
        let outcome = try bench.run("supervise", "--", "no-such-program")
        #expect(outcome.code == 3)
        #expect(outcome.talk.contains("no-such-program is not on PATH"))
        #expect(try bench.run("supervise").code == 2)
    }

    @Test func aTerminationDrains() throws {
        try bench.installStressWorker(pauseMilliseconds: 50)
        let command = try supervise()
        #expect(command.waitUntil { (try? counts.done) ?? 0 > 0 })
        command.terminate()
        #expect(try command.wait().code == 143)
        let end = try counts
        #expect(end.leased == 0 && end.ready > 0 && bench.worldsStarted.count == 1)
    }

    @Test func aWorldThatDoesNotDrainInTimeIsEnded() throws {
        try bench.installWorker("trap '' USR1 TERM; touch '\(bench.path("ready"))'; while :; do sleep 0.05; done")
        let command = try supervise("--drain-timeout", "0.3")
        #expect(command.waitUntil { bench.exists("ready") })
        command.terminate()
        let outcome = try command.wait()
        #expect(outcome.code == 143)
        #expect(outcome.talk.contains("not drained after"))
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

    @Test func whatAWorldHadThatASecondSignalEndedIsBackAtOnce() throws {
        try installStubbornWorker()
        let command = try supervise()
        #expect(command.waitUntil { (try? counts.leased) ?? 0 > 0 })
        command.terminate()
        #expect(command.waitUntil { command.talkSoFar.contains("once more stops at once") })
        command.terminate()
        let outcome = try command.wait()
        #expect(outcome.code == 143)
        #expect(outcome.talk.contains("jobs went back to the queue"), "\(outcome.talk)")
        try expectUntouched()
    }

    @Test func whatAWorldHadThatDidNotDrainInTimeIsBackAtOnce() throws {
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
    @Test func aBrokenMachineFailsNoJob() throws {
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
            #expect(outcome.talk.contains("no job is held to blame"), "\(outcome.talk)")
        }
        #expect(bench.worldsStarted.count == 15)
        let end = try counts
        #expect(end.failed == 0 && end.ready == 20)
    }

    @Test func aWorldWhoseSupervisorIsKilledIsToldToDrain() throws {
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
