import Base
import Foundation
import TestSupport
import Testing

/// What is wrong in a request gets a status, a type, a code and the place, and the service goes on.
@Suite("Bad requests", .timeLimit(.minutes(15)))
struct BadRequestTests {
    private struct Case: CustomStringConvertible {
        let body: String
        let status: Int
        let code: String
        var parameter: String?
        var description: String { String(body.prefix(80)) }
    }

    private static func image(_ url: String) -> String {
        #"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "\#(url)"}}]}]}"#
    }

    private static let png = "data:image/png;base64,\(ServedWorld.picture)"
    private static let place = "messages[0].content[0].image_url.url"

    private static let cases: [Case] = [
        Case(body: "", status: 400, code: "invalid_json"),
        Case(body: "{", status: 400, code: "invalid_json"),
        Case(body: "[]", status: 400, code: "invalid_json"),
        Case(body: #"{"messages": 1, "messages": 2}"#, status: 400, code: "invalid_json"),
        Case(body: "{}", status: 400, code: "invalid_value", parameter: "messages"),
        Case(body: #"{"messages": []}"#, status: 400, code: "invalid_value", parameter: "messages"),
        Case(
            body: #"{"messages": [{"role": "user", "content": "hello"}]}"#, status: 400, code: "no_picture",
            parameter: "messages[0].content"),
        Case(
            body: #"{"messages": [{"role": "system", "content": "x"}]}"#, status: 400, code: "unsupported_messages",
            parameter: "messages[0].role"),
        Case(body: image("data:image/png;base64,@@@"), status: 400, code: "invalid_value", parameter: place),
        Case(body: image("data:image/png,abc"), status: 400, code: "invalid_value", parameter: place),
        Case(body: image("https://example.org/a.jpg"), status: 400, code: "url_not_allowed"),
        Case(body: image("file:///etc/passwd"), status: 400, code: "url_not_allowed"),
        Case(body: image("/etc/passwd"), status: 400, code: "url_not_allowed"),
        Case(body: image("data:image/png;base64,aGVsbG8gd29ybGQ="), status: 400, code: "not_a_picture"),
        Case(
            body: ServedWorld.chat("x", #", "model": "gpt-4o""#), status: 404, code: "model_not_found",
            parameter: "model"),
        Case(
            body: ServedWorld.chat("x", #", "temperature": 3"#), status: 400, code: "invalid_value",
            parameter: "temperature"),
        Case(
            body: ServedWorld.chat("x", #", "temperature": "hot""#), status: 400, code: "invalid_value",
            parameter: "temperature"),
        Case(body: ServedWorld.chat("x", #", "top_p": 0"#), status: 400, code: "invalid_value", parameter: "top_p"),
        Case(body: ServedWorld.chat("x", #", "n": 2"#), status: 400, code: "invalid_value", parameter: "n"),
        Case(
            body: ServedWorld.chat("x", #", "n": 17, "temperature": 1"#), status: 400, code: "invalid_value",
            parameter: "n"),
        Case(
            body: ServedWorld.chat("x", #", "max_tokens": 0"#), status: 400, code: "invalid_value",
            parameter: "max_tokens"),
        Case(
            body: ServedWorld.chat("x", #", "top_logprobs": 2"#), status: 400, code: "invalid_value",
            parameter: "top_logprobs"),
        Case(
            body: ServedWorld.chat("x", #", "tools": [{"type": "function"}]"#), status: 400,
            code: "unsupported_parameter", parameter: "tools"),
        Case(
            body: ServedWorld.chat("x", #", "frequency_penalty": 1"#), status: 400, code: "unsupported_parameter",
            parameter: "frequency_penalty"),
        Case(
            body: ServedWorld.chat("", #", "paligemma": {"task": "sing"}"#), status: 400, code: "invalid_value",
            parameter: "paligemma.task"),
        Case(
            body: ServedWorld.chat("x", #", "paligemma": {"beams": 3}"#), status: 400, code: "unsupported_parameter",
            parameter: "paligemma.beams"),
        Case(body: ServedWorld.chat("x <image> y"), status: 400, code: "image_marker_in_prompt"),
    ]

    @Test("A body that makes no sense gets OpenAI's error object")
    func bodies() throws {
        let world = try ServedWorld(["--model", ServedWorld.model])
        for wrong in Self.cases {
            let response = try world.post("/v1/chat/completions", wrong.body)
            #expect(response.status == wrong.status, "\(wrong): \(response.text)")
            let error = try JSON(parsing: response.text)["error"]
            #expect(error?["code"]?.string == wrong.code, "\(wrong): \(response.text)")
            #expect(error?["message"]?.string?.isEmpty == false)
            if let parameter = wrong.parameter { #expect(error?["param"]?.string == parameter, "\(wrong)") }
            #expect(response.headers["x-request-id"]?.hasPrefix("req_") == true)
        }
        let pictures = (0..<17).map { _ in #"{"type": "image_url", "image_url": {"url": "\#(Self.png)"}}"# }
        let many = #"{"messages": [{"role": "user", "content": [\#(pictures.joined(separator: ","))]}]}"#
        #expect(try world.post("/v1/chat/completions", many).status == 400)
        // It still answers.
        #expect(try world.post("/v1/chat/completions", ServedWorld.chat("caption en")).status == 200)
    }

    @Test("Routes, methods, types and hosts that are not the service's are refused, each in its own way")
    func routes() throws {
        let folder = try TemporaryFolder()
        let world = try ServedWorld(["--queue", folder.file("q.db"), "--max-body", "1"], waitsForWorld: false)
        #expect(try world.get("/nothing").status == 404)
        let method = try world.get("/v1/chat/completions")
        #expect(method.status == 405)
        #expect(method.headers["allow"] == "POST")
        let type = try world.post("/v1/chat/completions", "{}", headers: ["content-type": "text/plain"])
        #expect(type.status == 415)
        let host = try world.get("/v1/models", headers: ["host": "evil.example"])
        #expect(host.status == 403)
        let large = try world.post("/v1/chat/completions", String(repeating: "a", count: (1 << 20) + 1))
        #expect(large.status == 413)
        #expect(try JSON(parsing: large.text)["error"]?["code"]?.string == "request_too_large")
        let unready = try world.get("/ready")
        #expect(unready.status == 503)
        #expect(try world.get("/health").status == 200)
    }

    @Test("Half a request, and none at all, hold nothing up")
    func halfRequests() throws {
        let folder = try TemporaryFolder()
        let world = try ServedWorld(["--queue", folder.file("q.db")], waitsForWorld: false)
        let half = try HTTPExchange(port: world.port)
        try half.send(Array("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-le".utf8))
        let silent = try HTTPExchange(port: world.port)
        let noise = try HTTPExchange(port: world.port)
        try noise.send(Array("\u{16}\u{3}\u{1}garbage\r\n\r\n".utf8))
        #expect(try world.get("/health").status == 200)
        withExtendedLifetime((half, silent)) {}
    }

    @Test("A client that waits for 100 Continue gets it")
    func expectContinue() throws {
        let folder = try TemporaryFolder()
        let world = try ServedWorld(["--queue", folder.file("q.db")], waitsForWorld: false)
        let exchange = try HTTPExchange(port: world.port)
        let head = """
            POST /v1/chat/completions HTTP/1.1\r
            host: localhost\r
            content-type: application/json\r
            content-length: 2\r
            expect: 100-continue\r
            \r

            """
        try exchange.send(Array(head.utf8))
        #expect(try exchange.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100"))
        try exchange.send(Array("{}".utf8))
        #expect(try exchange.response().status == 400)
    }
}
