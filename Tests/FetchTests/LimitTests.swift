import Base
import Fetch
import Foundation
import TestSupport
import Testing

@Suite("Many fetches at once", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct LimitTests {
    /// Waits until a condition holds; the time limit of the suite ends what never comes.
    private func wait(until isTrue: () -> Bool) { while !isTrue() { usleep(2000) } }

    /// Fetches of many addresses, and their outcomes.
    private final class Batch: Sendable {
        let results = Locked<[Result<FetchedBytes, FetchError>]>([])
        var count: Int { results.withLock { $0.count } }

        func start(
            _ fetcher: Fetcher, _ addresses: [String], hurries: Bool = false, group: FetchGroup? = nil
        ) throws {
            for address in addresses {
                var request = FetchRequest(address)
                request.group = group
                let handle = try fetcher.start(request) { result in
                    self.results.withLock { $0.append(result) }
                }
                if hurries { handle.hurry() }
            }
        }
    }

    @Test("A host gets four transfers at once, other hosts are not held back, and connections are used again")
    func perHost() throws {
        let door = TestServer.Door()
        try withServer { _ in
            [.hold(door)] + .answer(200, [1])
        } _: { held in
            try withServer { _ in
                .answer(200, [2])
            } _: { free in
                let fetcher = try Fetcher(quickSettings())
                let (first, second) = (Batch(), Batch())
                try first.start(fetcher, (0..<40).map { held.address("/\($0)") })
                try second.start(fetcher, (0..<40).map { free.address("/\($0)") })
                wait { second.count == 40 }
                wait { held.requestCount == 4 }
                #expect(first.count == 0)
                door.open()
                wait { first.count == 40 }
                #expect(held.mostAtOnce == 4)
                #expect(free.mostAtOnce <= 4)
                #expect(free.accepted <= 8)
                #expect(first.results.withLock { $0.allSatisfy { (try? $0.get().bytes) == [1] } })
            }
        }
    }

    @Test("All transfers together keep to their number")
    func total() throws {
        let door = TestServer.Door()
        let servers = try (0..<5).map { _ in try TestServer { _ in [.hold(door)] + .answer(200, [1]) } }
        defer { for server in servers { server.stop() } }
        let fetcher = try Fetcher(quickSettings { $0.transfers = 6 })
        let batch = Batch()
        try batch.start(fetcher, (0..<40).map { servers[$0 % 5].address("/\($0)") })
        wait { servers.reduce(0) { $0 + $1.requestCount } == 6 }
        door.open()
        wait { batch.count == 40 }
        #expect(servers.reduce(0) { $0 + $1.mostAtOnce } >= 6)
    }

    @Test("Bodies that are held keep further ones waiting, and memory stays within the budget and its reserve")
    func budget() throws {
        let body = sampleBytes(1 << 20)
        try withServer { _ in
            .answer(200, body)
        } _: { server in
            let fetcher = try Fetcher(
                quickSettings {
                    $0.memory = 4 << 20
                    $0.bodyLimit = 1 << 20
                    $0.transfersPerHost = 16
                })
            let batch = Batch()
            try batch.start(fetcher, (0..<32).map { server.address("/\($0)") })
            wait { batch.count >= 2 }
            // Time for more, were they not held back.
            usleep(200_000)
            #expect(batch.count <= 5)
            // A thread that waits gets its body all the same, and so does one that is said to wait.
            #expect(try fetcher.fetch(FetchRequest(server.address("/now"))).bytes == body)
            let last = Batch()
            try last.start(fetcher, [server.address("/last")], hurries: true)
            wait { last.count == 1 }
            last.results.withLock { $0 = [] }
            var (most, seen) = (0, 0)
            while seen < 32 {
                most = max(most, fetcher.memoryUsed)
                let taken = batch.results.withLock { results in
                    defer { results = [] }
                    return results
                }
                seen += taken.count
                #expect(taken.allSatisfy { (try? $0.get().bytes) == body })
            }
            #expect(most <= 7 << 20)
            wait { fetcher.memoryUsed == 0 }
        }
    }

    @Test("Bodies that are of use only together never keep each other waiting, and memory stays bounded")
    func groups() throws {
        let body = sampleBytes(1 << 20)
        try withServer { _ in
            .answer(200, body)
        } _: { server in
            let fetcher = try Fetcher(
                quickSettings {
                    $0.memory = 4 << 20
                    $0.bodyLimit = 1 << 20
                    $0.transfersPerHost = 16
                })
            // Begun in turn, so that each group has a part and none has all before the budget is full.
            let groups = (0..<8).map { _ in (fetcher.group(of: 6), Batch()) }
            for number in 0..<6 {
                for (index, (group, batch)) in groups.enumerated() {
                    try batch.start(fetcher, [server.address("/\(index)/\(number)")], group: group)
                }
            }
            var (complete, most) = (0, 0)
            while complete < 8 {
                most = max(most, fetcher.memoryUsed)
                for (_, batch) in groups where batch.count == 6 {
                    complete += 1
                    batch.results.withLock { $0 = [] }
                }
            }
            // The budget, its reserve and what the oldest group needed.
            #expect(most <= 12 << 20)
            wait { fetcher.memoryUsed == 0 }
            // A group whose address is none is complete without it.
            let bad = fetcher.group(of: 2)
            let batch = Batch()
            try batch.start(fetcher, [server.address("/x")], group: bad)
            #expect(throws: FetchError.self) { try batch.start(fetcher, ["nothing"], group: bad) }
            wait { batch.count == 1 }
        }
    }

    @Test("Bytes made of bodies wait for room, but not where what is held waits for them")
    func heldBytes() throws {
        let fetcher = try Fetcher(
            quickSettings {
                $0.memory = 1 << 20
                $0.bodyLimit = 1 << 20
            })
        let bytes = [UInt8](repeating: 1, count: 700 << 10)
        let first = Locked<HeldBytes?>(fetcher.hold(bytes, of: nil))
        let second = Locked<HeldBytes?>(nil)
        Thread.detachNewThread {
            let held = fetcher.hold(bytes, of: nil)
            second.withLock { $0 = held }
        }
        usleep(100_000)
        #expect(second.withLock { $0 == nil } && fetcher.memoryUsed == 700 << 10)
        first.withLock { $0 = nil }
        wait { second.withLock { $0 != nil } }
        second.withLock { $0 = nil }
        // The pictures of one job: the last comes though the others fill the room, which is theirs until then.
        let group = fetcher.group(of: 3)
        var held = [fetcher.hold(bytes, of: group), fetcher.hold(bytes, of: group), fetcher.hold(bytes, of: group)]
        #expect(fetcher.memoryUsed == 3 * 700 << 10)
        // Who waits when all ends waits no longer.
        let last = Locked<HeldBytes?>(nil)
        Thread.detachNewThread {
            let held = fetcher.hold(bytes, of: nil)
            last.withLock { $0 = held }
        }
        usleep(100_000)
        #expect(last.withLock { $0 == nil })
        fetcher.stop()
        wait { last.withLock { $0 != nil } }
        last.withLock { $0 = nil }
        held = []
        #expect(held.isEmpty && fetcher.memoryUsed == 0)
    }

    @Test("That a server's fetches are tried again is said once, with the reason and the wait")
    func reports() throws {
        try withServer { _ in
            .answer(503)
        } _: { server in
            let lines = Locked<[String]>([])
            let fetcher = try Fetcher(
                quickSettings {
                    $0.retries = 2
                    $0.report = { line in lines.withLock { $0.append(line) } }
                })
            let batch = Batch()
            try batch.start(fetcher, (0..<5).map { server.address("/\($0)?key=secret") })
            wait { batch.count == 5 }
            #expect(server.requestCount == 15)
            let said = lines.withLock { $0 }
            #expect(said.count == 1)
            #expect(said.first?.contains("127.0.0.1:\(server.port) is tried again in 0.1 s") == true, "\(said)")
            #expect(said.first?.contains("503") == true && said.first?.contains("secret") == false, "\(said)")
        }
    }

    @Test("Bodies whose length is not known grow within the budget too, and none waits for ever")
    func unknownLengths() throws {
        let body = sampleBytes(3 << 20)
        try withServer { _ in
            .head(200) + [.bytes(body), .close]
        } _: { server in
            let fetcher = try Fetcher(
                quickSettings {
                    $0.memory = 4 << 20
                    $0.transfersPerHost = 8
                })
            let batch = Batch()
            try batch.start(fetcher, (0..<12).map { server.address("/\($0)") })
            var seen = 0
            while seen < 12 {
                let taken = batch.results.withLock { results in
                    defer { results = [] }
                    return results
                }
                seen += taken.count
                #expect(taken.allSatisfy { (try? $0.get().bytes) == body })
            }
            wait { fetcher.memoryUsed == 0 }
        }
    }

    @Test("A canceled fetch ends, whether it waits, runs or waits for its next try; others go on")
    func cancel() throws {
        let door = TestServer.Door()
        try withServer { request in
            request.path == "/again" ? .answer(503, [], ["Retry-After: 50"]) : [.hold(door)] + .answer(200, [1])
        } _: { server in
            let fetcher = try Fetcher(quickSettings { $0.transfersPerHost = 2 })
            let codes = Locked<[String: FetchError.Code?]>([:])
            var handles: [String: FetchHandle] = [:]
            for path in ["/again", "/runs", "/waits", "/stays"] {
                handles[path] = try fetcher.start(FetchRequest(server.address(path))) { result in
                    codes.withLock { codes in
                        if case .failure(let error) = result {
                            codes[path] = error.code
                        } else {
                            codes[path] = .some(nil)
                        }
                    }
                }
                if path == "/again" { wait { server.requestCount > 0 } }
            }
            for path in ["/again", "/runs", "/waits"] { handles[path]?.cancel() }
            wait { codes.withLock { $0.count } == 3 }
            #expect(codes.withLock { $0.values.allSatisfy { $0 == .canceled } })
            door.open()
            wait { codes.withLock { $0.count } == 4 }
            #expect(codes.withLock { $0["/stays"] } == .some(nil))
            handles["/stays"]?.cancel()
        }
    }

    @Test("A fetcher that is stopped ends everything, and what begins later ends at once")
    func stop() throws {
        try withServer { _ in
            [.stall]
        } _: { server in
            let fetcher = try Fetcher(quickSettings())
            let batch = Batch()
            try batch.start(fetcher, (0..<10).map { server.address("/\($0)") })
            let stream = try fetcher.open(FetchRequest(server.address("/stream")))
            wait { server.requestCount > 0 }
            fetcher.stop()
            wait { batch.count == 10 }
            let error = #expect(throws: FetchError.self) { _ = try stream.next() }
            #expect(error?.code == .canceled)
            let later = #expect(throws: FetchError.self) { _ = try fetcher.fetch(FetchRequest(server.address("/x"))) }
            #expect(later?.code == .canceled)
            #expect(fetcher.memoryUsed == 0)
        }
    }

    @Test("Who comes first to a host goes first, and hosts take turns")
    func waitingRoom() {
        var room = WaitingRoom<Int>()
        for item in 0..<4 { room.add(item, origin: "a", limit: 2) }
        room.add(10, origin: "b", limit: 1)
        room.add(11, origin: "b", limit: 1)
        #expect([room.takeNext(), room.takeNext(), room.takeNext(), room.takeNext()] == [0, 10, 1, nil])
        room.leave(origin: "b")
        #expect(room.takeNext() == 11)
        #expect(room.remove { $0 == 3 } == [3])
        room.add(20, origin: "a", limit: 2, isFirst: true)
        room.leave(origin: "a")
        #expect(room.takeNext() == 20)
        room.leave(origin: "a")
        #expect(room.takeNext() == 2)
        #expect(room.takeNext() == nil)
        #expect(room.remove { _ in true } == [])
        for item in 0..<1000 { room.add(item, origin: "c\(item % 10)", limit: 200) }
        var order: [Int] = []
        while let item = room.takeNext() { order.append(item) }
        #expect(order == Array(0..<1000))
    }
}
