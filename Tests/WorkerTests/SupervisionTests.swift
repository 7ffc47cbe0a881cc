import Base
import Foundation
import TestSupport
import Testing

/// Worlds of real ranks to which something happens.
@Suite("Worlds that hang, crash and run out of memory", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct SupervisionTests {
    private let reference: ReferenceAnswers
    private let queue: TestQueue

    init() throws {
        reference = try ReferenceAnswers("grouped")
        queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
    }

    @Test(
        "A watchdog ends a world that hangs, and reports the place and the stacks",
        arguments: [
            ("hang:before-decode:2", "no progress of the stage"),
            ("hang:before-prepare:5", "no progress of a thread that reads pictures"),
            ("stop:before-decode:2", "no progress of rank 1 (no heartbeat from it)"),
            ("stop:before-encode:1", "no progress of rank 0 (no heartbeat from it)"),
        ])
    func watchdog(fault: String, message: String) throws {
        let outcome = try queue.work(
            ranks: 2, model: reference.model, ["--watchdog", "1"], environment: ["PALIGEMMA_FAULT": fault])
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains(message) && outcome.errors.contains("  thread "), "\(outcome.errors)")
    }

    @Test("A rank that hangs while it loads is named, not those that wait for it; stacks name their threads")
    func loading() throws {
        let script = """
            [ "$OMPI_COMM_WORLD_RANK" = 1 ] && export PALIGEMMA_FAULT=hang:before-load:20
            exec \(Programs.worker) --model \(reference.model) --queue \(queue.path) --watchdog 1
            """
        let outcome = try Programs.run("mpirun", ["-n", "2", "sh", "-c", script])
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("rank 1 of 2"), "\(outcome.errors)")
        #expect(outcome.errors.contains("no progress of the loading of the model"), "\(outcome.errors)")
        #expect(!outcome.errors.contains("rank 0 of 2"), "\(outcome.errors)")
        #expect(outcome.errors.contains("(watchdog):"), "\(outcome.errors)")
    }

    @Test("Two jobs of one batch that kill their worlds are both found, and nobody gives up")
    func twoPoisons() throws {
        let outcome = try Programs.run(
            Programs.paligemma,
            [
                "supervise", "--restart-pause", "0.02", "--", Programs.worker, "--model", reference.model, "--queue",
                queue.path, "--drain",
            ], environment: ["PALIGEMMA_FAULT": "crash:before-prepare:job-7|job-17"])
        #expect(outcome.status == 1, "\(outcome.errors)")
        let results = try queue.results()
        #expect(Set(results.filter { $0.error?.code == "poison" }.map(\.id)) == ["job-7", "job-17"])
        reference.expect(results, except: ["job-7", "job-17"])
        #expect(!outcome.errors.contains("giving up"))
    }

    @Test("A rank that is out of memory reports it, and the world ends with 71")
    func memory() throws {
        let limit = Sanitizer.isOn ? "" : "ulimit -v 6000000; "
        let environment = Sanitizer.isOn ? Sanitizer.blockLimit(mebibytes: 32) : [:]
        let outcome = try Programs.run(
            "sh",
            [
                "-c", limit + "exec \"$@\"", "sh", "mpirun", "-n", "2", Programs.worker, "--model",
                reference.model, "--queue", queue.path, "--drain",
            ], environment: environment.merging(["PALIGEMMA_FAULT": "memory:before-encode:1"]) { $1 })
        #expect(outcome.status == 71, "\(outcome.errors)")
        #expect(outcome.errors.contains("is out of memory"), "\(outcome.errors)")
    }

    @Test("A job that kills every world that has it fails as poison, and the others are answered")
    func poison() throws {
        let outcome = try Programs.run(
            Programs.paligemma,
            [
                "supervise", "--restart-pause", "0.02", "--", Programs.worker, "--model", reference.model, "--queue",
                queue.path, "--drain",
            ], environment: ["PALIGEMMA_FAULT": "crash:before-prepare:job-7"])
        #expect(outcome.status == 0 || outcome.status == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("died of SIGSEGV; stack:"))
        let results = try queue.results()
        reference.expect(results, except: ["job-7"])
        let failed = results.filter { $0.error != nil }
        #expect(failed.map(\.id) == ["job-7"] && failed.first?.error?.code == "poison")
        #expect(failed.first?.error?.message.contains("SIGSEGV") == true)
    }

    @Test("A drain that takes too long gives everything back")
    func drainTimeout() throws {
        let script = """
            PALIGEMMA_FAULT=hang:before-decode:2 \(Programs.worker) --model \(reference.model) --queue \(queue.path) \
                --drain-timeout 1 & world=$!
            for attempt in $(seq 500); do
                \(Programs.paligemma) status --queue \(queue.path) --json | grep -q '"done": *[1-9]' && break
                sleep 0.01
            done
            kill -USR1 $world
            wait $world
            """
        let outcome = try Programs.run("bash", ["-c", script])
        #expect(outcome.status == 143, "\(outcome.errors)")
        #expect(outcome.errors.contains("went back to the queue"))
        let status = try Programs.run(Programs.paligemma, ["status", "--queue", queue.path, "--json"])
        #expect(status.output.contains("\"leased\": 0") || status.output.contains("\"leased\":0"), "\(status.output)")
        #expect(try queue.work(ranks: 1, model: reference.model).status == 0)
        reference.expect(try queue.results())
    }

    @Test("A launcher that is killed leaves nothing in shared memory, and its world is started again")
    func remains() throws {
        let script = """
            \(Programs.paligemma) supervise --restart-pause 0.02 -- mpirun -n 2 \(Programs.worker) \
                --model \(reference.model) --queue \(queue.path) & supervisor=$!
            for attempt in $(seq 500); do
                \(Programs.paligemma) status --queue \(queue.path) --json | grep -q '"done": *40' && break
                sleep 0.02
            done
            launcher=$(cat /proc/$supervisor/task/*/children | tr -d ' ')
            job=$(tr '\\0' '\\n' </proc/$(cut -d' ' -f1 /proc/$launcher/task/$launcher/children)/environ |
                sed -n 's/^PMIX_NAMESPACE=//p')
            mark=$(printf %x "$job")
            echo "there: $(ls /dev/shm | grep -c "$mark")"
            kill -9 "$launcher"
            for attempt in $(seq 500); do
                ls /dev/shm | grep -q "$mark" || break
                sleep 0.02
            done
            echo "left: $(ls /dev/shm | grep -c "$mark")"
            kill -TERM $supervisor
            wait $supervisor
            """
        let outcome = try Programs.run("bash", ["-c", script])
        #expect(outcome.output == "there: 2\nleft: 0\n", "\(outcome.output)\(outcome.errors)")
        #expect(outcome.errors.contains("the world died (SIGKILL of its launcher)"), "\(outcome.errors)")
    }
}

/// The short form of `make faults`.
@Suite("Worlds that are killed", .serialized, .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct KillTests {
    @Test(
        "Killed around every change of a job's state, worlds lose and double nothing", arguments: ["file", "postgres"])
    func kills(queue kind: String) throws {
        let outcome = try Programs.run(
            Programs.folder + "/faults", ["--short", "--queue", kind, "kills"], limit: 280)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("0 lost, 0 doubled; queue whole"), "\(outcome.output)")
    }
}
