import Base
import Fetch
import Foundation
import TestSupport
import Testing

@Suite(
    "What servers on the loopback interface send is fetched or refused", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct FetchTests {
    @Test("A body comes with its status, hash, size and state, and the request names who asks and asks for no encoding")
    func plain() throws {
        let bytes = sampleBytes(300_000)
        try withServer {
            .file(bytes, for: $0)
        } _: { server in
            let fetched = try fetch(FetchRequest(server.address("/a b/ä.jpg?x=1"))) { $0.userAgent = "paligemma/9" }
            #expect(fetched.bytes == bytes)
            #expect(fetched.contentHash == ContentHash.hexadecimal(of: bytes))
            #expect(fetched.response.status == 200)
            #expect(fetched.response.totalBytes == 300_000)
            #expect(fetched.response.validator == Validator(entityTag: "\"one\""))
            let request = try #require(server.requests.first)
            #expect(request.target == "/a%20b/%C3%A4.jpg?x=1")
            #expect(request.headers["user-agent"] == "paligemma/9")
            #expect(request.headers["accept-encoding"] == "identity")
        }
    }

    @Test("An empty body, and one without a length, are whole")
    func lengths() throws {
        try withServer { request in
            request.path == "/empty" ? .answer(200) : .head(200) + [.bytes(Array("until the end".utf8)), .close]
        } _: { (server) throws in
            #expect(try fetchedBytes(server.address("/empty")) == [])
            #expect(try fetchedBytes(server.address("/open")) == Array("until the end".utf8))
        }
    }

    @Test("Each status that is no success has its code, and is tried again where that helps")
    func statuses() throws {
        let expected: [(Int, FetchError.Code, Int)] = [
            (400, .httpStatus, 1), (401, .forbidden, 1), (403, .forbidden, 1), (404, .notFound, 1),
            (410, .notFound, 1), (451, .httpStatus, 1), (304, .httpStatus, 1), (408, .httpStatus, 3),
            (429, .httpStatus, 3), (500, .httpStatus, 3), (503, .httpStatus, 3), (599, .httpStatus, 3),
        ]
        for (status, code, tries) in expected {
            try withServer { _ in
                .answer(status, status == 304 ? [] : Array("<html>".utf8))
            } _: { server in
                let error = try failure(server.address("/x")) { $0.retries = 2 }
                #expect(error.code == code, "\(status)")
                #expect(error.status == status)
                #expect(error.mayHelpLater == (tries > 1), "\(status)")
                #expect(server.requestCount == tries, "\(status)")
                #expect(error.description.contains("\(status)"))
            }
        }
    }

    @Test("A server that has too much to do twice is asked a third time, after the time for which it asks")
    func triedAgain() throws {
        let tries = Locked(0)
        try withServer { _ in
            let number = tries.withLock { tries in
                tries += 1
                return tries
            }
            return number == 1 ? .answer(503) : number == 2 ? .answer(429, [], ["Retry-After: 1"]) : .answer(200, [7])
        } _: { (server) throws in
            let start = DispatchTime.now()
            #expect(try fetchedBytes(server.address("/x")) == [7])
            #expect(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds >= 1_000_000_000)
            #expect(server.requestCount == 3)
        }
    }

    @Test("A server that asks for an hour is not asked again")
    func longRetryAfter() throws {
        try withServer { _ in
            .answer(429, [], ["Retry-After: 3600"])
        } _: { server in
            let error = try failure(server.address("/x"))
            #expect(error.status == 429)
            #expect(error.mayHelpLater)
            #expect(server.requestCount == 1)
        }
    }

    @Test("A body that ends before its length, a chunked one without its last chunk, and a reset are tried again")
    func cut() throws {
        let cuts: [(String, [TestServer.Step])] = [
            ("/short", .head(200, ["Content-Length: 100"]) + [.bytes([1, 2, 3]), .close]),
            ("/chunk", .head(200, ["Transfer-Encoding: chunked"]) + [.bytes(Array("5\r\nab".utf8)), .close]),
            ("/chunks", .head(200, ["Transfer-Encoding: chunked"]) + [.bytes(Array("2\r\nab\r\n".utf8)), .close]),
        ]
        for (path, steps) in cuts {
            try withServer { _ in
                steps
            } _: { server in
                let error = try failure(server.address(path)) { $0.retries = 1 }
                #expect(error.code == .truncated, "\(path)")
                #expect(error.mayHelpLater)
                #expect(server.requestCount == 2, "\(path)")
            }
        }
        let tries = Locked(0)
        try withServer { _ in
            let isFirst = tries.withLock { tries in
                tries += 1
                return tries == 1
            }
            return isFirst
                ? .head(200, ["Content-Length: 5"]) + [.bytes([1, 2]), .reset] : .answer(200, [1, 2, 3, 4, 5])
        } _: { (server) throws in
            #expect(try fetchedBytes(server.address("/x")) == [1, 2, 3, 4, 5])
        }
    }

    @Test("What follows behind the announced length does not belong to the body")
    func longer() throws {
        try withServer { _ in
            .head(200, ["Content-Length: 3"]) + [.bytes([1, 2, 3, 4, 5]), .close]
        } _: { (server) throws in
            #expect(try fetchedBytes(server.address("/x")) == [1, 2, 3])
        }
    }

    @Test("A server that sends nothing, or a byte now and then, is given up")
    func slow() throws {
        let answers: [[TestServer.Step]] = [
            [.stall], .head(200, ["Content-Length: 1000"]) + [.stall], .head(200) + [.drip(seconds: 0.2)],
        ]
        for steps in answers {
            try withServer { _ in
                steps
            } _: { server in
                let error = try failure(server.address("/x")) {
                    $0.slowSeconds = 1
                    $0.retries = 0
                }
                #expect(error.code == .timedOut)
                #expect(error.mayHelpLater)
            }
        }
    }

    @Test("All tries together end with the time of the fetch")
    func totalTime() throws {
        try withServer { _ in
            .head(200) + [.drip(seconds: 0.01)]
        } _: { server in
            let fetcher = try Fetcher(quickSettings())
            let error = #expect(throws: FetchError.self) {
                try fetcher.fetch(FetchRequest(server.address("/x"), seconds: 1))
            }
            #expect(error?.code == .timedOut)
        }
    }

    @Test("A body above the limit is refused by its length, or when it has grown too large, and not tried again")
    func tooLarge() throws {
        let block = sampleBytes(65536)
        let answers: [[TestServer.Step]] = [
            .head(200, ["Content-Length: 200001"]) + [.stall], .head(200) + [.endless(block)],
            .head(200, ["Transfer-Encoding: chunked"]) + [.endless(Array("4\r\nabcd\r\n".utf8))],
        ]
        for steps in answers {
            try withServer { _ in
                steps
            } _: { server in
                let error = try failure(server.address("/x")) { $0.bodyLimit = 200_000 }
                #expect(error.code == .tooLarge)
                #expect(!error.mayHelpLater)
                #expect(server.requestCount == 1)
            }
        }
        try withServer { _ in
            .answer(200, [UInt8](repeating: 1, count: 200_000))
        } _: { (server) throws in
            #expect(try fetchedBytes(server.address("/x")) { $0.bodyLimit = 200_000 }.count == 200_000)
        }
    }

    @Test("Heads without end, and answers that are no HTTP, are errors")
    func badHeads() throws {
        let line = Array(("X-Filler: " + String(repeating: "a", count: 1000) + "\r\n").utf8)
        let answers: [[TestServer.Step]] = [
            [.bytes(Array("HTTP/1.1 200 OK\r\n".utf8)), .endless(line)],
            [.bytes(Array("HTTP/1.1 200 OK\r\nX: ".utf8)), .endless([0x61])],
            [
                .bytes(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)),
                .endless(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)),
            ],
            [.bytes(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)), .close],
        ]
        for steps in answers {
            try withServer { _ in
                steps
            } _: { server in
                let error = try failure(server.address("/x")) { $0.retries = 0 }
                #expect(error.code == .badResponse || error.code == .connection, "\(error)")
            }
        }
    }

    @Test("Nobody at the port, and a name that does not exist, have their codes")
    func nobody() throws {
        let port = try withServer { _ in
            []
        } _: {
            $0.port
        }
        #expect(try failure("http://127.0.0.1:\(port)/") { $0.retries = 0 }.code == .connection)
        let error = try failure("http://no-such-host.invalid/x") { $0.retries = 0 }
        #expect(error.code == .dns)
        #expect(error.mayHelpLater)
    }

    @Test("A server that speaks no TLS is refused as such")
    func tls() throws {
        try withServer { _ in
            .answer(200)
        } _: { server in
            let error = try failure("https://127.0.0.1:\(server.port)/") { $0.retries = 0 }
            #expect(error.code == .tls || error.code == .connection, "\(error)")
        }
    }
}
