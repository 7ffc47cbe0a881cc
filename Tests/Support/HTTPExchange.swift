import Foundation

/// One request to a server and its response, byte for byte: a client that a test can make do anything, and leave when it likes.
package final class HTTPExchange {
    package struct Response: Sendable {
        package let status: Int
        /// Names in lower case.
        package let headers: [String: String]
        package let body: [UInt8]
        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    private let socket: Int32
    private var received: [UInt8] = []

    /// Connects to a port of the loopback.
    package init(port: Int, seconds: Int = 60) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(description: "no connection to port \(port): errno \(errno)") }
    }

    deinit { close(socket) }

    /// Leaves without a word.
    package func leave() { shutdown(socket, Int32(SHUT_RDWR)) }

    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "the server takes no more after \(sent) bytes") }
            sent += count
        }
    }

    /// Sends a request with a body of its length.
    package func send(
        _ method: String, _ path: String, headers: [String: String] = [:], body: [UInt8] = []
    ) throws {
        var all = ["host": "127.0.0.1", "content-length": "\(body.count)"]
        if method == "POST" { all["content-type"] = "application/json" }
        for (name, value) in headers { all[name.lowercased()] = value }
        let lines = all.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
        try send(Array("\(method) \(path) HTTP/1.1\r\n\(lines)\r\n".utf8) + body)
    }

    /// Returns what came next; empty at the end.
    package func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(socket, &buffer, buffer.count, 0)
        guard count >= 0 else { throw Failure(description: "nothing came in time") }
        return Array(buffer[..<count])
    }

    /// Receives until a text has come, and returns what came before its end.
    package func receive(until text: String) throws -> String {
        while true {
            if let range = received.firstRange(of: Array(text.utf8)) {
                defer { received.removeSubrange(..<range.upperBound) }
                return String(decoding: received[..<range.upperBound], as: UTF8.self)
            }
            let part = try receive()
            guard !part.isEmpty else { throw Failure(description: "the connection ended before \"\(text)\"") }
            received += part
        }
    }

    /// Receives a whole response.
    package func response() throws -> Response {
        let head = try receive(until: "\r\n\r\n")
        let lines = head.split(separator: "\r\n").map(String.init)
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else { throw Failure(description: "no status in \(head)") }
        if status == 100 { return try response() }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1] }
        }
        return Response(status: status, headers: headers, body: try body(headers))
    }

    private func body(_ headers: [String: String]) throws -> [UInt8] {
        if headers["transfer-encoding"]?.lowercased() == "chunked" { return try chunks() }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        while received.count < length {
            let part = try receive()
            guard !part.isEmpty else { throw Failure(description: "the body ended after \(received.count) bytes") }
            received += part
        }
        defer { received.removeFirst(length) }
        return Array(received[..<length])
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let line = try receive(until: "\r\n").trimmingCharacters(in: .whitespacesAndNewlines)
            guard let count = Int(line, radix: 16) else { throw Failure(description: "\"\(line)\" is no length") }
            while received.count < count + 2 {
                let part = try receive()
                guard !part.isEmpty else { throw Failure(description: "a chunk ended early") }
                received += part
            }
            body += received[..<count]
            received.removeFirst(count + 2)
            if count == 0 { return body }
        }
    }

    /// Makes one request on a connection of its own.
    package static func request(
        _ method: String, _ path: String, port: Int, headers: [String: String] = [:], body: String = ""
    ) throws -> Response {
        let exchange = try HTTPExchange(port: port)
        try exchange.send(method, path, headers: headers, body: Array(body.utf8))
        return try exchange.response()
    }
}
