import Foundation
import Queue
import TestSupport
import Testing

/// Several users of one queue at once, and users that are killed.
@Suite("Many processes on one queue", .serialized, .timeLimit(.minutes(15))) struct QueueProcessTests {
    @Test("Threads never lease the same job", arguments: QueueKind.allCases)
    func threads(kind: QueueKind) throws {
        let bench = try QueueBench(kind, stoppedClock: false)
        try bench.submit(400)
        let leased = Collected()
        DispatchQueue.concurrentPerform(iterations: 4) { worker in
            do {
                let connection = try openQueue(bench.name)
                while true {
                    let leases = try connection.lease(limit: 7, for: .seconds(600), owner: "thread \(worker)")
                    if leases.isEmpty { return }
                    leased.append(leases.map(\.job.id))
                }
            } catch {
                Issue.record(error)
            }
        }
        #expect(leased.values.count == 400)
        #expect(Set(leased.values).count == 400)
    }

    @Test("Processes finish every job once", arguments: QueueKind.allCases)
    func processes(kind: QueueKind) throws {
        let bench = try QueueBench(kind, stoppedClock: false)
        try bench.submit(300)
        let workers = try (0..<3).map { try StressProcess(queue: bench.name, owner: "process \($0)", lease: 600_000) }
        let accepted = workers.flatMap { $0.waitForOutput() }
        #expect(accepted.count == 300)
        #expect(Set(accepted).count == 300)
        #expect(try bench.queue.counts().done == 300)
        #expect(try bench.queue.audit(after: 0, limit: 1000).map(\.id).sorted() == accepted.sorted())
        try bench.queue.verify()
    }

    /// Each is killed in the middle of its finishes; the next goes on when the leases have run out.
    @Test("Killed processes lose no job and double none", arguments: QueueKind.allCases)
    func killedProcesses(kind: QueueKind) throws {
        let bench = try QueueBench(kind, stoppedClock: false)
        let count = 200
        try bench.submit(count)
        var generator = SeededGenerator(seed: 5)
        var accepted: [String] = []
        for victim in 0..<12 {
            let process = try StressProcess(queue: bench.name, owner: "victim \(victim)", lease: 30)
            process.waitForLines(Int.random(in: 1...8, using: &generator))
            usleep(UInt32.random(in: 0...3000, using: &generator))
            accepted += process.kill()
            try bench.queue.verify()
        }
        accepted += try StressProcess(queue: bench.name, owner: "the last", lease: 30).waitForOutput()

        #expect(Set(accepted).count == accepted.count, "no finish was accepted twice")
        let finished = try bench.queue.results(after: 0, limit: count + 1)
        #expect(Set(finished.map(\.id)) == Set(makeJobs(count).map(\.id)))
        #expect(Set(accepted).isSubset(of: Set(finished.map(\.id))))
        #expect(try bench.queue.counts().total == count)
        try bench.queue.verify()
    }

    /// A reader that goes on from the last number it saw misses no result, although others finish out of order.
    @Test("A reader of results misses none while others write", arguments: QueueKind.allCases)
    func concurrentReader(kind: QueueKind) throws {
        let bench = try QueueBench(kind, stoppedClock: false)
        try bench.submit(600)
        let workers = try (0..<3).map { try StressProcess(queue: bench.name, owner: "process \($0)", lease: 600_000) }
        var read: [JobResult] = []
        while read.count < 600 {
            let page = try bench.queue.results(after: read.last?.number ?? 0, limit: 50)
            read += page
            if page.isEmpty {
                let isDone = try bench.queue.counts().done == 600
                try #require(isDone || workers.contains(where: \.isRunning))
                usleep(200)
            }
        }
        #expect(Set(read.map(\.id)).count == 600)
        for worker in workers { _ = worker.waitForOutput() }
    }
}

/// Values from several threads.
private final class Collected: @unchecked Sendable {
    private let lock = NSLock()
    private var collected: [String] = []

    var values: [String] { lock.withLock { collected } }
    func append(_ values: [String]) { lock.withLock { collected += values } }
}

/// One run of queue-stress, which lies beside the test bundle.
final class StressProcess {
    private let process = Process()
    private let output = Pipe()
    private var received = Data()

    init(queue: String, owner: String, lease milliseconds: Int) throws {
        let bundle = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        process.executableURL = bundle.deletingLastPathComponent().appendingPathComponent("queue-stress")
        process.arguments = [queue, owner, "\(milliseconds)"]
        process.standardOutput = output
        try process.run()
    }

    var isRunning: Bool { process.isRunning }

    /// Until it has printed that many lines, or ended.
    func waitForLines(_ count: Int) {
        while received.count(where: { $0 == 0x0A }) < count {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { return }
            received += data
        }
    }

    func kill() -> [String] {
        Foundation.kill(process.processIdentifier, SIGKILL)
        return waitForOutput()
    }

    /// The ids that it printed until its end.
    func waitForOutput() -> [String] {
        received += output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: received, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
