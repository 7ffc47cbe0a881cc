import Base
import Foundation
import Queue
import Synchronization

/// Worlds that sleep instead of computing: how many jobs they answer, against what they would if the queue took no
/// time.
struct WorldBenchmark {
    let queue: String
    let worlds: Int
    let secondsAJob: Double
    let seconds: Double

    func line() throws -> String {
        let ideal = Double(worlds) * seconds / secondsAJob
        let filler = try openQueue(queue, create: true)
        let first = try filler.counts().total
        let total = Int(1.2 * ideal) + worlds * 64
        for start in stride(from: first, to: first + total, by: 4096) {
            let jobs = OperationBenchmark.jobs(start..<min(start + 4096, first + total))
            _ = try filler.submit(jobs, otherContents: .refuse)
        }
        let before = try filler.counts().done
        let meters = Meters()
        let gate = Gate(worlds)
        let members = try (0..<worlds).map { number in
            try SimulatedWorld(
                queue: queue, name: "world-\(number)", secondsAJob: secondsAJob, seconds: seconds, meters: meters,
                gate: gate)
        }
        let processor = ProcessorTime()
        for member in members { member.start() }
        for member in members { member.join() }
        let busy = processor.share()
        // What was finished in time is what the worlds say they finished.
        guard try filler.counts().done - before == meters.finish.count - meters.stale.load(ordering: .relaxed) else {
            throw QueueError.corrupt(queue: queue, detail: "the worlds finished another number of jobs than it has")
        }
        try filler.verify()
        // A world's time ends with its last whole job. Sleeping stands for computing.
        let share = meters.slept.sum / meters.elapsed.sum
        let waiting = (meters.lease.sum + meters.finish.sum + meters.renew.sum) / (Double(worlds) * seconds)
        return
            #"{"worlds":\#(worlds),"seconds_a_job":\#(secondsAJob),"jobs_a_second":\#(format(Double(meters.slept.count * worlds) / meters.elapsed.sum)),"#
            + #""ideal":\#(format(ideal / seconds)),"share":\#(format(share)),"#
            + #""queue_share":\#(format(waiting)),"idle_share":\#(format(meters.idle.sum / (Double(worlds) * seconds))),"#
            + #""processor":\#(format(busy)),"stale":\#(meters.stale.load(ordering: .relaxed)),"#
            + #""lease":\#(meters.lease.json),"finish":\#(meters.finish.json),"renew":\#(meters.renew.json)}"#
    }

    private func format(_ number: Double) -> String { String(format: "%.4f", number) }
}

/// What all worlds of a run measure together.
final class Meters: Sendable {
    let lease = Times()
    let finish = Times()
    let renew = Times()
    /// Time in which a world had no job.
    let idle = Times()
    /// In place of computing, for jobs that were finished.
    let slept = Times()
    /// From a world's start to the end of its last job.
    let elapsed = Times()
    let stale = Atomic<Int>(0)
}

/// Lets all worlds begin together.
final class Gate: @unchecked Sendable {
    // @unchecked: the condition guards the number.
    private let condition = NSCondition()
    private var missing: Int

    init(_ count: Int) { missing = count }

    func pass() {
        condition.lock()
        missing -= 1
        condition.broadcast()
        while missing > 0 { condition.wait() }
        condition.unlock()
    }
}

/// A world as the queue sees it: a thread that leases ahead, renews and finishes by the real queue, as `LeaseKeeper`
/// does, and one that sleeps for each job.
final class SimulatedWorld: @unchecked Sendable {
    // @unchecked: `held` and `outstanding` belong to the queue's thread, the rest does not change.
    private enum Request {
        case lease(Int)
        case finish(Lease)
    }

    private let queue: any JobQueue
    private let name: String
    private let secondsAJob: Double
    private let seconds: Double
    private let meters: Meters
    private let gate: Gate
    private let requests = Mailbox<Request>()
    private let jobs = Mailbox<[Lease]>()
    private let ended = DispatchSemaphore(value: 0)
    private var held: Set<LeaseHandle> = []

    private static let lease = Duration.seconds(30)
    /// As a world at 224 px: two micro-batches of eight.
    private static let ahead = 16

    init(
        queue: String, name: String, secondsAJob: Double, seconds: Double, meters: Meters, gate: Gate
    ) throws {
        self.queue = try openQueue(queue)
        self.name = name
        self.secondsAJob = secondsAJob
        self.seconds = seconds
        self.meters = meters
        self.gate = gate
    }

    func start() {
        for body in [compute, keep] {
            let thread = Thread { [self] in
                body()
                ended.signal()
            }
            thread.stackSize = 1 << 19
            thread.start()
        }
    }

    func join() { for _ in 0..<2 { ended.wait() } }

    private func compute() {
        gate.pass()
        // Worlds do not finish in step.
        Thread.sleep(forTimeInterval: Double.random(in: 0...secondsAJob))
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        var elapsed = Duration.zero
        var (waiting, isLeasing): ([Lease], Bool) = ([], false)
        while ContinuousClock.now < end {
            if !isLeasing && waiting.count <= Self.ahead / 2 {
                requests.put(.lease(Self.ahead - waiting.count))
                isLeasing = true
            }
            if waiting.isEmpty {
                meters.idle.measure { jobs.wait(seconds: 0.2) }
            }
            for leases in jobs.takeAll() {
                waiting += leases
                isLeasing = false
            }
            guard !waiting.isEmpty else { continue }
            let begin = ContinuousClock.now
            Thread.sleep(forTimeInterval: secondsAJob * Double.random(in: 0.9...1.1))
            guard ContinuousClock.now < end else { break }
            meters.slept.add(begin.duration(to: .now).inSeconds)
            elapsed = start.duration(to: .now)
            requests.put(.finish(waiting.removeFirst()))
        }
        meters.elapsed.add(elapsed.inSeconds)
        requests.close()
    }

    private func keep() {
        let interval = Self.lease.inSeconds / 3
        // Renewals of many worlds do not come together.
        var renewal = DispatchTime.now() + Double.random(in: 0...interval)
        while true {
            do {
                switch requests.takeFirst(until: renewal) {
                case .item(.lease(let count)):
                    let leases = try meters.lease.measure {
                        try queue.lease(limit: count, for: Self.lease, owner: name)
                    }
                    held.formUnion(leases.map(\.handle))
                    jobs.put(leases)
                case .item(.finish(let lease)): try finish(lease)
                case .timeout: break
                case .closed:
                    try queue.release(Array(held))
                    return
                }
                if DispatchTime.now() >= renewal {
                    renewal = .now() + interval
                    if !held.isEmpty {
                        let lost = try meters.renew.measure { try queue.renew(Array(held), for: Self.lease) }
                        held.subtract(lost)
                    }
                }
            } catch {
                FileHandle.standardError.write(Data("\(name): \(error)\n".utf8))
                exit(1)
            }
        }
    }

    private func finish(_ lease: Lease) throws {
        held.remove(lease.handle)
        do {
            try meters.finish.measure { try queue.finish(lease.handle, with: OperationBenchmark.answer) }
        } catch QueueError.staleLease {
            meters.stale.add(1, ordering: .relaxed)
        }
    }
}

/// How busy the machine's processors are, server and worlds together.
struct ProcessorTime {
    private let start = Self.read()

    /// Since this was made, of all processors.
    func share() -> Double {
        let end = Self.read()
        let total = end.total - start.total
        return total > 0 ? 1 - (end.idle - start.idle) / total : 0
    }

    private static func read() -> (idle: Double, total: Double) {
        let text = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
        let fields = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard fields.count > 4 else { return (0, 0) }
        return (fields[3] + fields[4], fields.reduce(0, +))
    }
}
