import Base
import Fetch
import Foundation
import TestSupport
import Testing

@Suite("Parts and streams", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct RangeTests {
    private static let bytes = sampleBytes(3_000_000)

    private func range(_ offset: Int64, _ count: Int64?) throws -> FetchRange {
        try #require(FetchRange(offset: offset, count: count))
    }

    @Test("A part is fetched with the size and the state of the whole")
    func part() throws {
        try withServer {
            .file(Self.bytes, for: $0)
        } _: { server in
            let fetched = try fetch(
                FetchRequest(
                    server.address("/a.tar"), range: try range(1000, 512), validator: Validator(entityTag: "\"one\""))
            )
            #expect(fetched.bytes == Array(Self.bytes[1000..<1512]))
            #expect(fetched.response.totalBytes == 3_000_000)
            #expect(server.requests.first?.headers["range"] == "bytes=1000-1511")
            #expect(server.requests.first?.headers["if-range"] == "\"one\"")
            let rest = try fetch(FetchRequest(server.address("/a.tar"), range: try range(2_999_990, nil)))
            #expect(rest.bytes == Array(Self.bytes[2_999_990...]))
        }
    }

    @Test("A part of another state, beyond the end, or of a server that knows no parts is an error")
    func refusedParts() throws {
        try withServer { request in
            switch request.path {
            case "/whole": .answer(200, Self.bytes, ["ETag: \"one\""])
            case "/wrong": .answer(206, [1, 2, 3], ["Content-Range: bytes 5-7/100"])
            case "/none": .answer(206, [1, 2, 3])
            case "/lies":
                .head(206, ["Content-Range: bytes 0-9/100", "Content-Length: 5"]) + [.bytes([1, 2, 3, 4, 5])]
            default: .file(Self.bytes, for: request)
            }
        } _: { (server) throws in
            func code(_ path: String, _ range: FetchRange?, tag: String? = nil) throws -> FetchError.Code {
                try failure(server.address(path), range: range, validator: Validator(entityTag: tag)) { $0.retries = 0 }
                    .code
            }
            #expect(try code("/file", range(0, 10), tag: "\"other\"") == .changed)
            #expect(try code("/whole", range(0, 10), tag: "\"other\"") == .changed)
            #expect(try code("/whole", nil, tag: "\"other\"") == .changed)
            #expect(try code("/whole", range(0, 10)) == .noRanges)
            #expect(try code("/file", range(2_999_999, 2)) == .outOfRange)
            #expect(try code("/file", range(3_000_000, 1)) == .outOfRange)
            #expect(try code("/wrong", range(0, 3)) == .badResponse)
            #expect(try code("/none", range(0, 3)) == .badResponse)
            #expect(try code("/none", nil) == .badResponse)
            #expect(try code("/lies", range(0, 10)) == .truncated)
        }
    }

    @Test("Ranges and Content-Range with impossible numbers are none")
    func numbers() {
        #expect(FetchRange(offset: -1) == nil)
        #expect(FetchRange(offset: 0, count: 0) == nil)
        #expect(FetchRange(offset: .max, count: 1) == nil)
        for text in [
            "bytes 5-4/10", "bytes 0-10/10", "bytes -1-4/10", "bytes 0-99999999999999999999/*", "0-1/2", "bytes 0-1",
            "bytes +0-1/2",
        ] {
            #expect(ContentRange(text) == nil, "\(text)")
        }
        #expect(ContentRange("bytes 0-1/*")?.part == 0...1)
        #expect(ContentRange("bytes */7")?.total == 7)
    }

    @Test("A stream gives all bytes while a slow reader holds the server back")
    func backpressure() throws {
        let sent = Locked(0)
        let block = sampleBytes(65536)
        try withServer { _ in
            .head(200, ["Content-Length: \(65536 * 400)"])
                + (0..<400).map { _ in
                    sent.withLock { $0 += 1 }
                    return .bytes(block)
                }
        } _: { server in
            let fetcher = try Fetcher(quickSettings { $0.streamBuffer = 256 << 10 })
            let stream = try fetcher.open(FetchRequest(server.address("/x")))
            #expect(try stream.response().totalBytes == 65536 * 400)
            var count = 0
            while let bytes = try stream.next() {
                #expect(bytes.count <= 256 << 10)
                count += bytes.count
                if count < 4 << 20 { usleep(2000) }
            }
            #expect(count == 65536 * 400)
        }
    }

    @Test("A reader that stops for longer than a server may be silent does not end the stream")
    func pausedReader() throws {
        try withServer { _ in
            .answer(200, Self.bytes)
        } _: { server in
            let fetcher = try Fetcher(
                quickSettings {
                    $0.streamBuffer = 32 << 10
                    $0.slowSeconds = 1
                    $0.retries = 0
                })
            let stream = try fetcher.open(FetchRequest(server.address("/x")))
            var bytes = try #require(try stream.next())
            sleep(3)
            bytes += try stream.all()
            #expect(bytes == Self.bytes)
            #expect(server.requestCount == 1)
        }
    }

    @Test("A stream whose connection breaks again and again continues where it was")
    func resumed() throws {
        try withServer { request in
            let first = request.headers["range"].flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0
            let end = min(first + 400_000, Self.bytes.count)
            let tag = "ETag: \"one\""
            let head: [TestServer.Step] =
                first == 0
                ? .head(200, [tag, "Content-Length: \(Self.bytes.count)"])
                : .head(206, [tag, "Content-Range: bytes \(first)-\(Self.bytes.count - 1)/\(Self.bytes.count)"])
            return head + [.bytes(Array(Self.bytes[first..<end])), .close]
        } _: { server in
            let fetcher = try Fetcher(quickSettings { $0.retries = 1 })
            #expect(try fetcher.open(FetchRequest(server.address("/x"))).all() == Self.bytes)
            #expect(server.requestCount >= 8)
            #expect(server.requests.dropFirst().allSatisfy { $0.headers["if-range"] == "\"one\"" })
        }
    }

    @Test("A server that knows no parts sends all again, of which a stream skips what it has")
    func skipped() throws {
        let tries = Locked(0)
        try withServer { _ in
            let number = tries.withLock { tries in
                tries += 1
                return tries
            }
            let head = [TestServer.Step].head(200, ["ETag: \"one\"", "Content-Length: \(Self.bytes.count)"])
            return number == 1
                ? head + [.bytes(Array(Self.bytes[..<1_000_000])), .close] : head + [.bytes(Self.bytes)]
        } _: { server in
            let fetcher = try Fetcher(quickSettings())
            #expect(try fetcher.open(FetchRequest(server.address("/x"))).all() == Self.bytes)
            #expect(server.requestCount == 2)
        }
    }

    @Test("A stream never continues with other bytes: changed files and files without a state are errors")
    func neverMixed() throws {
        for tags in [["ETag: \"one\"", "ETag: \"two\""], ["X: 1", "X: 1"]] {
            let tries = Locked(0)
            try withServer { _ in
                let number = tries.withLock { tries in
                    tries += 1
                    return tries
                }
                let head = [TestServer.Step].head(200, [tags[min(number, 2) - 1], "Content-Length: 1000"])
                return head + [.bytes([UInt8](repeating: 1, count: 500)), .close]
            } _: { server in
                let fetcher = try Fetcher(quickSettings())
                let stream = try fetcher.open(FetchRequest(server.address("/x")))
                #expect(try stream.next()?.isEmpty == false)
                let error = #expect(throws: FetchError.self) { _ = try stream.all() }
                #expect(error?.code == (tags[0].hasPrefix("E") ? .changed : .truncated))
            }
        }
    }
}
