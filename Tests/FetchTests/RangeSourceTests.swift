import Base
import Fetch
import Foundation
import TestSupport
import Testing

@Suite("Files of servers of which any part is read", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct RangeSourceTests {
    private static let block = 1 << 20
    /// Each block has bytes of its number.
    private static let file: [UInt8] = {
        var bytes: [UInt8] = []
        for number in UInt8(0)..<40 { bytes += [UInt8](repeating: number, count: block) }
        return bytes + [99]
    }()

    private static func firstByte(of request: TestServer.Request) -> Int {
        request.headers["range"].flatMap { Int($0.dropFirst("bytes=".count).prefix { $0 != "-" }) } ?? 0
    }

    /// Waits until a condition holds, for at most a minute.
    private func holds(_ condition: () -> Bool) -> Bool {
        for _ in 0..<6000 where !condition() { usleep(10_000) }
        return condition()
    }

    @Test("Blocks behind those that are read in turn are fetched ahead, several at once, and memory stays bounded")
    func ahead() throws {
        let door = TestServer.Door()
        let handler: @Sendable (TestServer.Request) -> [TestServer.Step] = { request in
            (Self.firstByte(of: request) >= 4 * Self.block ? [.hold(door)] : []) + .file(Self.file, for: request)
        }
        try withServer(handler) { server in
            let fetcher = try Fetcher(quickSettings())
            var source: FetchRangeSource? = try FetchRangeSource(server.address("/f"), from: fetcher, blocks: 16)
            #expect(source?.size == Self.file.count && source?.validator?.entityTag == "\"one\"")
            for number in 0..<4 {
                #expect(
                    try source?.bytes(at: number * Self.block + 5, count: 100)
                        == [UInt8](repeating: UInt8(number), count: 100))
            }
            // Nobody has asked for these, and none has arrived.
            #expect(holds { server.mostAtOnce == 4 })
            #expect(server.requests.filter { Self.firstByte(of: $0) >= 4 * Self.block }.count == 4)
            door.open()
            var most = 0
            for number in 4..<40 {
                let bytes = try source?.bytes(at: number * Self.block, count: Self.block)
                #expect(bytes == [UInt8](repeating: UInt8(number), count: Self.block))
                most = max(most, fetcher.memoryUsed)
            }
            #expect(try source?.bytes(at: 40 * Self.block, count: 1) == [99])
            #expect(most <= 25 << 20)
            // Each block once, and the question for the size.
            #expect(server.requestCount == 42)
            source = nil
            #expect(holds { fetcher.memoryUsed == 0 })
        }
    }

    @Test("Blocks that are read in no order are fetched alone, and a large part by several requests at once")
    func noOrder() throws {
        try withServer { request in
            .file(Self.file, for: request)
        } _: { server in
            let fetcher = try Fetcher(quickSettings())
            let source = try FetchRangeSource(server.address("/f"), from: fetcher, blocks: 16)
            for number in [30, 7, 22, 3] {
                #expect(try source.bytes(at: number * Self.block, count: 1) == [UInt8(number)])
            }
            #expect(server.requestCount == 5)
            let part = try source.bytes(at: 10 * Self.block + 1, count: 9 * Self.block)
            #expect(part == Array(Self.file[(10 * Self.block + 1)..<(19 * Self.block + 1)]))
            #expect(server.requestCount <= 5 + 10 + 7)
        }
    }

    @Test("A file that has another state than the one asked for, or gets another, fails and is not mixed")
    func changed() throws {
        let tag = Locked("\"one\"")
        try withServer { request in
            .file(Self.file, tag: tag.withLock { $0 }, for: request)
        } _: { server in
            let fetcher = try Fetcher(quickSettings())
            let other = #expect(throws: FetchError.self) {
                try FetchRangeSource(server.address("/f"), from: fetcher, validator: Validator(entityTag: "\"old\""))
            }
            #expect(other?.code == .changed)
            let source = try FetchRangeSource(
                server.address("/f"), from: fetcher, validator: Validator(entityTag: "\"one\""))
            #expect(try source.bytes(at: 0, count: 1) == [0])
            tag.withLock { $0 = "\"two\"" }
            let later = #expect(throws: FetchError.self) { try source.bytes(at: 20 * Self.block, count: 1) }
            #expect(later?.code == .changed)
            #expect(try source.bytes(at: 9, count: 1) == [0])
        }
    }
}
