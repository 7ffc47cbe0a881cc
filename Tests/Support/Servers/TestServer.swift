import Base
import Foundation
import Synchronization

/// An HTTP server on the loopback interface that does what a test tells it, also what no server should do.
package final class TestServer: @unchecked Sendable {
    // @unchecked: what changes is under locks.
    package struct Request: Sendable {
        package var method = ""
        /// Path and query as they came.
        package var target = ""
        /// Names in lower case.
        package var headers: [String: String] = [:]
        package var body: [UInt8] = []

        package var path: String { String(target.prefix { $0 != "?" }) }
    }

    /// What is sent, step by step.
    package enum Step: Sendable {
        case bytes([UInt8])
        /// Sends one byte in every so many seconds, until the peer is gone.
        case drip(seconds: Double)
        /// Sends these bytes again and again, until the peer is gone.
        case endless([UInt8])
        /// Sends nothing until the peer is gone.
        case stall
        /// Waits for a door to open, or for the peer to go.
        case hold(Door)
        case close
        /// Breaks the connection with a reset.
        case reset
    }

    /// What replies can wait at until a test opens it.
    package final class Door: Sendable {
        private let opened = Locked(false)
        package var isOpen: Bool { opened.withLock { $0 } }
        package init() {}
        package func open() { opened.withLock { $0 = true } }
    }

    package let port: UInt16
    private let listener: Int32
    private let handler: @Sendable (Request) -> [Step]
    private let connections = Locked<Set<Int32>>([])
    private let log = Locked<[Request]>([])
    private let counts = Locked((now: 0, most: 0, accepted: 0))
    private let isStopped = Atomic(false)

    /// Starts to listen at a free port.
    package init(_ handler: @escaping @Sendable (Request) -> [Step]) throws {
        self.handler = handler
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, size) == 0 && listen(descriptor, 128) == 0
                    && getsockname(descriptor, address, &size) == 0
            }
        }
        guard listener >= 0, status else { throw SystemError(errno) }
        port = UInt16(bigEndian: address.sin_port)
        Thread.start("test-server") { self.acceptAll() }
    }

    /// Ends the server and all its connections.
    package func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        shutdown(listener, Int32(SHUT_RDWR))
        connections.withLock { for connection in $0 { shutdown(connection, Int32(SHUT_RDWR)) } }
    }

    package func address(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    /// All requests until now.
    package var requests: [Request] { log.withLock { $0 } }
    package var requestCount: Int { log.withLock { $0.count } }
    /// The most requests that were answered at once.
    package var mostAtOnce: Int { counts.withLock { $0.most } }
    /// Connections until now.
    package var accepted: Int { counts.withLock { $0.accepted } }

    private func acceptAll() {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0, !isStopped.load(ordering: .sequentiallyConsistent) else { break }
            _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
            connections.withLock { _ = $0.insert(connection) }
            counts.withLock { $0.accepted += 1 }
            Thread.start("test-reply", stackBytes: 256 << 10) { self.serve(connection) }
        }
        close(listener)
    }

    private func serve(_ connection: Int32) {
        var input = ConnectionInput(connection)
        while let request = input.request() {
            log.withLock { $0.append(request) }
            counts.withLock { counts in
                counts.now += 1
                counts.most = max(counts.most, counts.now)
            }
            let goesOn = handler(request).allSatisfy { perform($0, connection) }
            counts.withLock { $0.now -= 1 }
            if !goesOn { break }
        }
        connections.withLock { _ = $0.remove(connection) }
        close(connection)
    }

    /// - Returns: whether the connection goes on.
    private func perform(_ step: Step, _ connection: Int32) -> Bool {
        switch step {
        case .bytes(let bytes): return sendAll(bytes, connection)
        case .drip(let seconds):
            while sendAll([0x2E], connection) { if isGone(connection, seconds: seconds) { return false } }
            return false
        case .endless(let bytes):
            while sendAll(bytes, connection) {}
            return false
        case .stall:
            while !isGone(connection, seconds: 0.1) {}
            return false
        case .hold(let door):
            while !door.isOpen { if isGone(connection, seconds: 0.01) { return false } }
            return true
        case .close: return false
        case .reset:
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
            return false
        }
    }

    private func sendAll(_ bytes: [UInt8], _ connection: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// Whether the peer has gone, which is waited for so long.
    private func isGone(_ connection: Int32, seconds: Double) -> Bool {
        var entry = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Int32(seconds * 1000)) > 0 else { return false }
        var byte: UInt8 = 0
        return recv(connection, &byte, 1, Int32(MSG_PEEK)) <= 0
    }
}

/// Reads requests from a connection.
private struct ConnectionInput {
    private let connection: Int32
    private var buffer: [UInt8] = []

    init(_ connection: Int32) { self.connection = connection }

    /// - Returns: nil where the peer is gone.
    mutating func request() -> TestServer.Request? {
        let end = Array("\r\n\r\n".utf8)
        var place: Int?
        while place == nil {
            place = buffer.indices.first { buffer[$0...].starts(with: end) }
            // A handshake of TLS is no request.
            if buffer.first == 0x16 { return nil }
            if place == nil, !more() { return nil }
        }
        guard let place else { return nil }
        var lines = String(decoding: buffer[..<place], as: UTF8.self).components(separatedBy: "\r\n")[...]
        buffer.removeFirst(place + end.count)
        var request = TestServer.Request()
        let words = lines.removeFirst().split(separator: " ")
        guard words.count == 3 else { return nil }
        (request.method, request.target) = (String(words[0]), String(words[1]))
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            request.headers[line[..<colon].lowercased()] = value
        }
        let length = Int(request.headers["content-length"] ?? "0") ?? 0
        while buffer.count < length { if !more() { return nil } }
        request.body = Array(buffer.prefix(length))
        buffer.removeFirst(length)
        return request
    }

    private mutating func more() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = recv(connection, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        buffer += chunk[..<count]
        return true
    }
}

extension [TestServer.Step] {
    /// An answer with its length.
    package static func answer(_ status: Int, _ body: [UInt8] = [], _ headers: [String] = []) -> Self {
        head(status, headers + ["Content-Length: \(body.count)"]) + [.bytes(body)]
    }

    /// The head of an answer, without a length unless a line says it.
    package static func head(_ status: Int, _ headers: [String] = []) -> Self {
        [.bytes([UInt8]((["HTTP/1.1 \(status) Status"] + headers + ["", ""]).joined(separator: "\r\n").utf8))]
    }

    package static func redirect(to location: String, _ status: Int = 302) -> Self {
        answer(status, [], ["Location: \(location)"])
    }

    /// A file with an entity tag, of which parts can be asked for.
    package static func file(_ bytes: [UInt8], tag: String = "\"one\"", for request: TestServer.Request) -> Self {
        let tagLine = ["ETag: \(tag)", "Accept-Ranges: bytes"]
        let isSame = request.headers["if-range"].map { $0 == tag } ?? true
        guard let range = request.headers["range"], isSame else { return answer(200, bytes, tagLine) }
        let ends = range.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
        let first = Int(ends[0]) ?? 0
        guard first < bytes.count else { return answer(416, [], tagLine + ["Content-Range: bytes */\(bytes.count)"]) }
        let last = Swift.min(Int(ends[1]) ?? bytes.count - 1, bytes.count - 1)
        return answer(
            206, [UInt8](bytes[first...last]), tagLine + ["Content-Range: bytes \(first)-\(last)/\(bytes.count)"])
    }
}

/// Runs `body` with a server and its stop.
package func withServer<Result>(
    _ handler: @escaping @Sendable (TestServer.Request) -> [TestServer.Step], _ body: (TestServer) throws -> Result
) throws -> Result {
    let server = try TestServer(handler)
    defer { server.stop() }
    return try body(server)
}
