import Base
import Foundation
import Queue
import TestSupport
import Testing

/// What a queue does for services and for those who look for worlds.
@Suite("Services of a queue", .timeLimit(.minutes(15))) struct QueueServiceTests {
    private func served(_ count: Int) -> [Job] {
        makeJobs(count).map { job in
            var job = job
            job.id = "req-" + job.id
            job.service = "s1"
            job.priority = 100
            return job
        }
    }

    @Test("Jobs of a service are leased first, and are not among the results", arguments: QueueKind.allCases)
    func results(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        _ = try queue.submit(makeJobs(2), otherContents: .refuse)
        _ = try queue.submit(served(2), otherContents: .refuse)
        let leases = try queue.lease(limit: 4, for: .seconds(60), owner: "world")
        #expect(leases.map(\.job.id) == ["req-job-0", "req-job-1", "job-0", "job-1"])
        #expect(leases.map(\.job.service) == ["s1", "s1", nil, nil])
        for lease in leases.dropLast() { try queue.finish(lease.handle, with: sampleAnswer) }
        #expect(try queue.results(after: 0, limit: 10).map(\.id) == ["job-0"])
        #expect(try queue.sortedResults(afterSequence: 0, limit: 10).map(\.id) == ["job-0"])
        let asked = try queue.results(ofJobs: ["req-job-1", "job-0", "job-1", "nobody"])
        #expect(Set(asked.map(\.id)) == ["req-job-1", "job-0"])
        #expect(asked.allSatisfy { $0.outcome == .answered(sampleAnswer) })
        #expect(try queue.results(ofJobs: []).isEmpty)
        #expect(try queue.state(ofJob: "job-0") == .done)
        #expect(try queue.state(ofJob: "job-1") == .leased)
        #expect(try queue.state(ofJob: "nobody") == nil)
    }

    @Test("What a service waited for is removed after a time, other results stay", arguments: QueueKind.allCases)
    func purge(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        _ = try queue.submit(makeJobs(1) + served(2), otherContents: .refuse)
        let leases = try queue.lease(limit: 2, for: .seconds(6000), owner: "world")
        for lease in leases.prefix(2) where lease.job.service != nil {
            try queue.finish(lease.handle, with: sampleAnswer)
        }
        #expect(try queue.purgeServed(olderThan: .seconds(600)) == 0)
        try bench.advance(by: .seconds(601))
        #expect(try queue.purgeServed(olderThan: .seconds(600)) == 2)
        #expect(try queue.counts().total == 1)
        try queue.verify()
    }

    @Test("Worlds are there with what they said last, until they withdraw", arguments: QueueKind.allCases)
    func worlds(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let queue = bench.queue
        #expect(try queue.worlds().isEmpty)
        var one = WorldRecord(
            owner: "host:1", host: "host", ranks: 4, visionRanks: 1, model: "a \"model\"", adapters: ["ocr", "é"],
            maximumPositions: 8192, started: 1_700_000_000)
        let other = WorldRecord(
            owner: "host:2", host: "host", ranks: 1, visionRanks: 1, model: "b", adapters: [], maximumPositions: nil,
            started: 1)
        try queue.announce(one)
        try queue.announce(other)
        one.answered = 7
        one.inFlight = 3
        try bench.advance(by: .seconds(5))
        try queue.announce(one)
        let seen = try queue.worlds()
        #expect(seen.map(\.record) == [one, other])
        #expect(seen[0].age < .seconds(5) && seen[1].age >= .seconds(5))
        try queue.withdraw("host:1")
        #expect(try queue.worlds().map(\.record.owner) == ["host:2"])
        // Whoever was killed is forgotten after a day.
        try bench.advance(by: .seconds(86_401))
        try queue.announce(one)
        try queue.withdraw("nobody")
        #expect(try queue.worlds().map(\.record.owner) == ["host:1"])
    }
}

/// Messages beside a queue, on real sockets and a real server.
@Suite("Channels", .timeLimit(.minutes(15))) struct QueueChannelTests {
    private final class Inbox: Sendable {
        let messages = Locked<[QueueMessage]>([])
        var all: [QueueMessage] { messages.withLock { $0 } }
        func put(_ message: QueueMessage) { messages.withLock { $0.append(message) } }
        /// Waits for so many messages.
        func wait(for count: Int) -> [QueueMessage] {
            while all.count < count { usleep(1000) }
            return all
        }
    }

    private let progress = QueueMessage.progress(
        AnswerProgress(
            jobID: "req-1", attempt: 2, offset: 4, text: "é \"x\"\n", tokens: 3,
            logprobs: [
                TokenLogprob(text: "é", logprob: -0.25, top: [TokenLogprob(text: "a", logprob: -1e-7)]),
                TokenLogprob(text: "x", logprob: -.infinity),
            ]))

    @Test(
        "Every world hears of jobs, and the service that is meant of its answers",
        arguments: [QueueKind.sqlite, .postgres])
    func messages(kind: QueueKind) throws {
        let bench = try QueueBench(kind)
        let (first, second, service, other) = (Inbox(), Inbox(), Inbox(), Inbox())
        let channels = [
            try openChannel(ofQueue: bench.name, as: .worlds, receive: first.put),
            try openChannel(ofQueue: bench.name, as: .worlds, receive: second.put),
            try openChannel(ofQueue: bench.name, as: .service("s1"), receive: service.put),
            try openChannel(ofQueue: bench.name, as: .service("s2"), receive: other.put),
        ]
        defer { for channel in channels { channel.close() } }
        while !channels.allSatisfy(\.isHeard) { usleep(1000) }
        channels[2].send([.jobsAdded], to: .worlds)
        channels[0].send([progress, .ended(jobID: "req-1")], to: .service("s1"))
        #expect(first.wait(for: 1).contains(.jobsAdded))
        #expect(second.wait(for: 1).contains(.jobsAdded))
        let heard = service.wait(for: 2).filter { $0 != .jobsAdded }
        #expect(heard.last == .ended(jobID: "req-1"))
        if case .progress(let part)? = heard.first {
            #expect(part.text == "é \"x\"\n" && part.offset == 4 && part.attempt == 2 && part.tokens == 3)
            #expect(part.logprobs.first?.top.first?.logprob == -1e-7)
        } else {
            Issue.record("no progress came: \(heard)")
        }
        #expect(other.all.filter { $0 != .jobsAdded }.isEmpty)
    }

    @Test("Behind a pooler nothing is heard, which is known, and what is said there arrives elsewhere")
    func pooler() throws {
        let bench = try QueueBench(.pooled)
        let (direct, pooled) = (Inbox(), Inbox())
        let listener = try openChannel(ofQueue: bench.database, as: .worlds, receive: direct.put)
        let behind = try openChannel(ofQueue: bench.name, as: .worlds, receive: pooled.put)
        defer {
            listener.close()
            behind.close()
        }
        while !listener.isHeard { usleep(1000) }
        let before = direct.all.count
        behind.send([.jobsAdded], to: .worlds)
        #expect(direct.wait(for: before + 1).last == .jobsAdded)
        #expect(!behind.isHeard)
    }

    @Test("What a killed process left behind is removed, and the last one takes the folder along")
    func remains() throws {
        let bench = try QueueBench(.sqlite)
        let folder = bench.name + ".channel"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // A socket that nobody listens on: bound, and its descriptor closed.
        let dead = folder + "/world-dead"
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: Array(dead.utf8).prefix(107)) }
        let bound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        close(descriptor)
        try #require(bound == 0)
        let channel = try openChannel(ofQueue: bench.name, as: .worlds) { _ in }
        #expect(!FileManager.default.fileExists(atPath: dead))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
        channel.close()
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test("A queue whose name is long, and one in a folder that takes no files, cost nobody anything")
    func names() throws {
        let folder = try TemporaryFolder()
        let long = folder.path + "/" + String(repeating: "a", count: 120) + "/" + String(repeating: "b", count: 120)
        try FileManager.default.createDirectory(atPath: long, withIntermediateDirectories: true)
        let inbox = Inbox()
        let channel = try openChannel(ofQueue: long + "/queue.db", as: .worlds, receive: inbox.put)
        #expect(channel.isHeard)
        notifyWorlds(ofQueue: long + "/queue.db", .jobsAdded)
        #expect(inbox.wait(for: 1) == [.jobsAdded])
        channel.close()
        let nowhere = try openChannel(ofQueue: "/proc/nothing/queue.db", as: .worlds, receive: inbox.put)
        #expect(!nowhere.isHeard)
        nowhere.send([.jobsAdded], to: .worlds)
        nowhere.close()
    }
}
