import Coordinator
import Foundation
import TestSupport
import Testing

/// Several users of one queue at once, and users that are killed.
@Suite(.serialized, .timeLimit(.minutes(5))) struct QueueProcessTests {
    let folder: TemporaryFolder
    let queue: SQLiteQueue

    init() throws {
        folder = try TemporaryFolder()
        queue = try SQLiteQueue(path: folder.file("jobs.db"), create: true)
    }

    @Test func twoThreadsNeverLeaseTheSameJob() throws {
        _ = try queue.submit(makeJobs(400), otherContents: .refuse)
        let leased = Collected()
        let path = queue.name
        DispatchQueue.concurrentPerform(iterations: 2) { worker in
            do {
                let connection = try SQLiteQueue(path: path)
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

    @Test func twoProcessesFinishEveryJobOnce() throws {
        _ = try queue.submit(makeJobs(300), otherContents: .refuse)
        let workers = try (0..<2).map { try StressProcess(queue: queue.name, owner: "process \($0)", lease: 600_000) }
        let accepted = workers.flatMap { $0.waitForOutput() }
        #expect(accepted.count == 300)
        #expect(Set(accepted).count == 300)
        #expect(try queue.counts().done == 300)
        try queue.verify()
    }

    /// Each is killed in the middle of its finishes; the next goes on when the leases have run out.
    @Test func killedProcessesLoseAndDoubleNothing() throws {
        let count = 200
        _ = try queue.submit(makeJobs(count), otherContents: .refuse)
        var generator = SeededGenerator(seed: 5)
        var accepted: [String] = []
        for victim in 0..<12 {
            let process = try StressProcess(queue: queue.name, owner: "victim \(victim)", lease: 30)
            process.waitForLines(Int.random(in: 1...8, using: &generator))
            usleep(UInt32.random(in: 0...3000, using: &generator))
            accepted += process.kill()
            try queue.verify()
        }
        accepted += try StressProcess(queue: queue.name, owner: "the last", lease: 30).waitForOutput()

        #expect(Set(accepted).count == accepted.count, "no finish was accepted twice")
        let finished = try queue.results(after: 0, limit: count + 1)
        #expect(Set(finished.map(\.id)) == Set(makeJobs(count).map(\.id)))
        #expect(Set(accepted).isSubset(of: Set(finished.map(\.id))))
        #expect(try queue.counts().total == count)
        try queue.verify()
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
private final class StressProcess {
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
