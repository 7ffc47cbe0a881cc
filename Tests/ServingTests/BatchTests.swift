import Base
import Foundation
import Queue
import TestSupport
import Testing

@Suite("Batches", .timeLimit(.minutes(10)))
struct BatchTests {
    /// Questions of several kinds, and one about what is no picture.
    private static let lines: [String] = {
        let prompts = ["caption en", "answer en how many shapes?", "answer en what color is it?", "ocr"]
        let good = (0..<20).map { number in
            let more = number % 3 == 0 ? #", "max_tokens": \#(number + 1)"# : ""
            return ServedWorld.line("line/\(number)", prompts[number % prompts.count], more)
        }
        return good + [ServedWorld.line("bad picture", url: "data:image/png;base64,aGVsbG8gd29ybGQ=")]
    }()

    private static func texts(_ lines: [String: JSON]) -> [String: String?] {
        lines.mapValues { $0["response"]?["body"]?["choices"]?.array?.first?["message"]?["content"]?.string }
    }

    @Test("A batch has the answers of the same file offline, and failures in a file of their own")
    func answers() throws {
        let place = try StatePlace()
        let world = try ServedWorld(place.arguments(withWorld: true))
        let id = try world.begin(Self.lines, metadata: #"{"who": "me"}"#)
        let batch = try world.waitFor(id, "completed")
        #expect(batch["object"]?.string == "batch")
        #expect(batch["request_counts"] == (try JSON(parsing: #"{"total":21,"completed":20,"failed":1}"#)))
        #expect(batch["metadata"] == (try JSON(parsing: #"{"who":"me"}"#)))
        let times = ["created_at", "in_progress_at", "finalizing_at", "completed_at"].compactMap { batch[$0]?.integer }
        #expect(times.count == 4 && times == times.sorted())
        #expect(batch["expires_at"]?.integer == times[0] + 86_400)
        for key in ["failed_at", "expired_at", "cancelling_at", "cancelled_at", "errors"] {
            #expect(batch[key] == .null, "\(key)")
        }
        let output = try world.lines(of: batch["output_file_id"])
        let source = try place.folder.write(Self.lines.joined(separator: "\n"), to: "in.jsonl")
        let offline = try Programs.run(
            Programs.paligemma,
            [
                "run", "--model", ServedWorld.model, "--from", "openai:" + source, "--format", "openai", "--output",
                place.folder.file("out.jsonl"),
            ])
        // One job fails there too.
        #expect(offline.status == 1, "\(offline.errors)")
        let text = try String(contentsOfFile: place.folder.file("out.jsonl"), encoding: .utf8)
        let expected = try text.split(separator: "\n").map { try JSON(parsing: String($0)) }
            .filter { $0["response"]?["status_code"]?.integer == 200 }
        #expect(expected.count == 20)
        #expect(
            Self.texts(output)
                == Self.texts(Dictionary(expected.map { ($0["custom_id"]?.string ?? "", $0) }) { first, _ in first }))
        #expect(output.values.allSatisfy { $0["response"]?["body"]?["model"]?.string == "model" })
        let failures = try world.lines(of: batch["error_file_id"])
        #expect(failures.keys.sorted() == ["bad picture"])
        #expect(failures["bad picture"]?["response"]?["body"]?["error"]?["code"]?.string == "not_a_picture")
        // The jobs are those of the queue, behind others.
        let queue = try SQLiteQueue(path: place.queue)
        #expect(try queue.state(ofJob: "\(id)/line/0") == .done)
        let listed = try JSON(parsing: try world.get("/v1/batches").text)["data"]?.array
        #expect(listed == [batch])
        let files = try JSON(parsing: try world.get("/v1/files?purpose=batch_output").text)["data"]?.array
        #expect(files?.count == 2)
        let left = try FileManager.default.contentsOfDirectory(atPath: place.state + "/batches/" + id)
        #expect(left == ["batch.json"])
    }

    @Test(
        "A service that is killed while it writes goes on when it is started again, and each line comes once",
        arguments: ["before-write:1", "after-write:1", "before-write:2", "after-write:2"])
    func killed(moment: String) throws {
        let place = try StatePlace()
        let id: String
        do {
            let world = try ServedWorld(
                place.arguments(withWorld: true), environment: ["PALIGEMMA_FAULT": "kill:" + moment])
            id = try world.begin(Self.lines)
            #expect(world.wait() == SIGKILL)
        }
        let world = try ServedWorld(place.arguments(withWorld: true))
        let batch = try world.waitFor(id, "completed")
        #expect(batch["request_counts"] == (try JSON(parsing: #"{"total":21,"completed":20,"failed":1}"#)))
        let output = try world.lines(of: batch["output_file_id"])
        #expect(Set(output.keys) == Set((0..<20).map { "line/\($0)" }))
        #expect(try world.lines(of: batch["error_file_id"]).keys.sorted() == ["bad picture"])
    }

    @Test("A batch goes on in another queue than it began in")
    func otherQueue() throws {
        let place = try StatePlace()
        let id: String
        do {
            let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
            id = try world.begin(Self.lines)
            let file = try SQLiteQueue(path: place.queue)
            try Wait.until("all are submitted") { try file.counts().total == 21 }
            world.signal(SIGKILL)
            _ = world.wait()
        }
        let world = try ServedWorld(["--model", ServedWorld.model, "--state", place.state])
        let batch = try world.waitFor(id, "completed")
        #expect(try world.lines(of: batch["output_file_id"]).count == 20)
    }

    @Test("A file with bad lines fails its batch, with each line, and no job is submitted")
    func badLines() throws {
        let place = try StatePlace()
        // Where pictures are fetched, paths are not.
        let world = try ServedWorld(
            place.arguments(withWorld: false) + ["--served-model-name", "model", "--picture-urls", "pictures.example"],
            waitsForWorld: false)
        let id = try world.begin([
            ServedWorld.line("a"), "{", ServedWorld.line("a"), ServedWorld.line("b", url: "s3://bucket/a.png"),
            ServedWorld.line("c", url: "/etc/passwd"), ServedWorld.line("d", "x", #", "stream": true"#), "",
            ServedWorld.line("e").replacingOccurrences(of: "chat/completions", with: "embeddings"),
            ServedWorld.line("f").replacingOccurrences(of: #""model": "model""#, with: #""model": "gpt-4o""#),
            ServedWorld.line(String(repeating: "i", count: 513)), ServedWorld.line("j", url: "a.png"),
        ])
        let batch = try world.waitFor(id, "failed")
        let faults = try #require(batch["errors"]?["data"]?.array)
        #expect(batch["errors"]?["object"]?.string == "list")
        #expect(faults.compactMap { $0["line"]?.integer } == [2, 3, 4, 5, 6, 8, 9, 10, 11])
        #expect(
            faults.compactMap { $0["code"]?.string } == [
                "invalid_line", "duplicate_custom_id", "url_not_allowed", "url_not_allowed", "invalid_line",
                "invalid_line", "invalid_line", "invalid_line", "url_not_allowed",
            ])
        #expect(faults[1]["param"]?.string == "custom_id")
        // Where the service keeps its files is not told.
        #expect(!(try world.get("/v1/batches/" + id).text.contains(place.folder.path)))
        #expect(batch["output_file_id"] == .null && batch["error_file_id"] == .null)
        #expect(try SQLiteQueue(path: place.queue).counts().total == 0)
    }

    @Test(
        "What is no file of requests fails its batch",
        arguments: [
            ("", "empty_file"), ("\n\n", "empty_file"), ("\u{1F}not json", "invalid_line"),
        ])
    func noRequests(text: String, code: String) throws {
        let place = try StatePlace()
        let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
        let batch = try world.waitFor(try world.begin([text]), "failed")
        #expect(batch["errors"]?["data"]?.array?.first?["code"]?.string == code)
    }

    @Test("A batch that is canceled ends, and each request that has no answer says so")
    func canceled() throws {
        let place = try StatePlace()
        let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
        let id = try world.begin(Self.lines)
        _ = try world.waitFor(id, "in_progress")
        // Its file is not needed any more.
        let input = try #require(try world.batch(id)["input_file_id"]?.string)
        #expect(try HTTPExchange.request("DELETE", "/v1/files/" + input, port: world.port).status == 200)
        let answer = try world.post("/v1/batches/\(id)/cancel", "")
        #expect(answer.status == 200)
        #expect(["cancelling", "cancelled"].contains(try JSON(parsing: answer.text)["status"]?.string))
        let batch = try world.waitFor(id, "cancelled")
        #expect(batch["output_file_id"] == .null)
        #expect(batch["cancelling_at"]?.integer != nil && batch["cancelled_at"]?.integer != nil)
        let lines = try world.lines(of: batch["error_file_id"])
        #expect(lines.count == 21)
        #expect(
            lines.values.allSatisfy { $0["error"]?["code"]?.string == "batch_cancelled" && $0["response"] == .null })
        #expect(try SQLiteQueue(path: place.queue).counts().outstanding == 0)
        // Once more changes nothing.
        #expect(try world.post("/v1/batches/\(id)/cancel", "").status == 200)
        #expect(try world.post("/v1/batches/nobody/cancel", "").status == 404)
    }

    @Test("A batch whose day is over ends with what it has")
    func expired() throws {
        let place = try StatePlace()
        let id: String
        do {
            let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
            id = try world.begin(Self.lines)
            _ = try world.waitFor(id, "in_progress")
        }
        let path = place.state + "/batches/\(id)/batch.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let expires = try #require(try JSON(parsing: text)["expires_at"]?.integer)
        try Data(text.replacingOccurrences(of: "\"expires_at\":\(expires)", with: "\"expires_at\":1").utf8)
            .write(to: URL(fileURLWithPath: path))
        let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
        let batch = try world.waitFor(id, "expired")
        let lines = try world.lines(of: batch["error_file_id"])
        #expect(lines.count == 21)
        #expect(lines.values.allSatisfy { $0["error"]?["code"]?.string == "batch_expired" })
        #expect(try world.post("/v1/batches/\(id)/cancel", "").status == 409)
    }

    @Test("A request for a batch that makes no sense is refused, with the place")
    func badRequests() throws {
        let place = try StatePlace()
        let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
        let file = try #require(try world.upload("x")["id"]?.string)
        func parameter(_ more: String) throws -> String? {
            let response = try world.post("/v1/batches", more)
            #expect(response.status == 400 || response.status == 404)
            return try JSON(parsing: response.text)["error"]?["param"]?.string
        }
        let chat = #""endpoint": "/v1/chat/completions""#
        #expect(try parameter("{\(chat)}") == "input_file_id")
        #expect(try parameter(#"{"input_file_id": "file-none", \#(chat)}"#) == "input_file_id")
        #expect(try parameter(#"{"input_file_id": "\#(file)"}"#) == "endpoint")
        #expect(try parameter(#"{"input_file_id": "\#(file)", "endpoint": "/v1/embeddings"}"#) == "endpoint")
        #expect(
            try parameter(#"{"input_file_id": "\#(file)", \#(chat), "completion_window": "1h"}"#) == "completion_window"
        )
        #expect(try parameter(#"{"input_file_id": "\#(file)", \#(chat), "metadata": {"a": 1}}"#) == "metadata")
        #expect(try JSON(parsing: try world.get("/v1/batches").text)["data"] == .array([]))
    }
}
