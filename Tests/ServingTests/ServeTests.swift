import Base
import Foundation
import Queue
import TestSupport
import Testing

/// The service as clients see it: a real server, a real queue, a real world.
@Suite("Service", .timeLimit(.minutes(15)))
struct ServeTests {
    /// What `paligemma run` answers about the picture.
    private func offlineAnswer(_ prompt: String, _ options: [String] = []) throws -> JSON {
        let folder = try TemporaryFolder()
        let picture = try #require(Data(base64Encoded: ServedWorld.picture))
        try picture.write(to: URL(fileURLWithPath: folder.file("a.png")))
        let outcome = try Programs.run(
            Programs.paligemma,
            [
                "run", "--model", ServedWorld.model, "--prompt", prompt, folder.file("a.png"), "--output",
                folder.file("o.jsonl"),
            ] + options)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try JSON(parsing: try String(contentsOfFile: folder.file("o.jsonl"), encoding: .utf8))
    }

    @Test(
        "A chat has the answer, the tokens and the probabilities of an offline job, on one and on two ranks",
        arguments: [1, 2])
    func chat(ranks: Int) throws {
        let world = try ServedWorld(["--model", ServedWorld.model, "--ranks", "\(ranks)"])
        let offline = try offlineAnswer("caption en")
        let response = try world.post(
            "/v1/chat/completions", ServedWorld.chat("caption en", #", "logprobs": true, "top_logprobs": 2"#))
        #expect(response.status == 200)
        let json = try JSON(parsing: response.text)
        let choice = try #require(json["choices"]?.array?.first)
        #expect(choice["message"]?["content"] == offline["text"])
        #expect(choice["finish_reason"]?.string == "stop")
        let entries = try #require(choice["logprobs"]?["content"]?.array)
        #expect(entries.count == offline["tokens"]?.array?.count)
        #expect(entries.compactMap { $0["logprob"] } == offline["logprobs"]?.array)
        #expect(entries.allSatisfy { $0["top_logprobs"]?.array?.count == 2 })
        #expect(entries.compactMap { $0["token"]?.string }.joined() == offline["text"]?.string)
        #expect(json["usage"]?["completion_tokens"]?.integer == entries.count)
        // The picture's tokens, BOS, two words and the line feed.
        let pictureTokens = try #require(json["usage"]?["prompt_tokens_details"]?["image_tokens"]?.integer)
        #expect(pictureTokens > 0)
        #expect(try #require(json["usage"]?["prompt_tokens"]?.integer) > pictureTokens)
    }

    @Test("The parts of a stream are the answer, with its probabilities and what it cost")
    func stream() throws {
        let world = try ServedWorld(["--model", ServedWorld.model])
        let body = ServedWorld.chat(
            "caption en", #", "stream": true, "logprobs": true, "stream_options": {"include_usage": true}"#)
        let response = try world.post("/v1/chat/completions", body)
        #expect(response.status == 200)
        #expect(response.headers["content-type"] == "text/event-stream")
        let events = response.text.components(separatedBy: "\n\n").filter { $0.hasPrefix("data: ") }
        #expect(events.last == "data: [DONE]")
        let chunks = try events.dropLast().map { try JSON(parsing: String($0.dropFirst(6))) }
        let deltas = chunks.compactMap { $0["choices"]?.array?.first?["delta"]?["content"]?.string }
        let offline = try offlineAnswer("caption en")
        #expect(deltas.joined() == offline["text"]?.string)
        // The opening, and a part for each token at most.
        #expect(deltas.count > 2)
        let logprobs = chunks.flatMap {
            $0["choices"]?.array?.first?["logprobs"]?["content"]?.array?.compactMap { $0["logprob"] } ?? []
        }
        #expect(logprobs == offline["logprobs"]?.array)
        #expect(chunks.last?["choices"]?.array?.isEmpty == true)
        #expect(chunks.last?["usage"]?["completion_tokens"]?.integer == offline["tokens"]?.array?.count)
        let reasons = chunks.compactMap { $0["choices"]?.array?.first?["finish_reason"]?.string }
        #expect(reasons == ["stop"])
    }

    @Test("A stop text ends a stream before it, and no part of it is sent")
    func stop() throws {
        let world = try ServedWorld(["--model", ServedWorld.model])
        let text = try #require(try offlineAnswer("caption en")["text"]?.string)
        let word = try #require(text.split(separator: " ").dropFirst().first)
        let response = try world.post(
            "/v1/chat/completions", ServedWorld.chat("caption en", #", "stream": true, "stop": ["\#(word)"]"#))
        let parts = response.text.components(separatedBy: "\n\n").compactMap {
            try? JSON(parsing: String($0.dropFirst(6)))["choices"]?.array?.first?["delta"]?["content"]?.string
        }
        let cut = try #require(text.range(of: String(word)))
        #expect(parts.compactMap(\.self).joined() == String(text[..<cut.lowerBound]))
    }

    @Test("Several sampled answers have the seeds that follow each other, as single requests have them")
    func severalAnswers() throws {
        let world = try ServedWorld(["--model", ServedWorld.model])
        let many = try world.post(
            "/v1/chat/completions", ServedWorld.chat("caption en", #", "n": 3, "seed": 7, "temperature": 2"#))
        let texts = try JSON(parsing: many.text)["choices"]?.array?.compactMap { $0["message"]?["content"]?.string }
        let single = try (7...9).map { seed in
            let response = try world.post(
                "/v1/chat/completions", ServedWorld.chat("caption en", #", "seed": \#(seed), "temperature": 2"#))
            return try JSON(parsing: response.text)["choices"]?.array?.first?["message"]?["content"]?.string ?? ""
        }
        #expect(texts == single)
    }

    @Test("A completion has the texts of its prompts, in their order")
    func completions() throws {
        let world = try ServedWorld(["--model", ServedWorld.model])
        let response = try world.post(
            "/v1/completions",
            """
            {"prompt": ["caption en", "answer en how many shapes?"], "max_tokens": 40, "logprobs": 1,
             "paligemma": {"images": ["data:image/png;base64,\(ServedWorld.picture)"]}}
            """)
        #expect(response.status == 200, "\(response.text)")
        let choices = try #require(try JSON(parsing: response.text)["choices"]?.array)
        let offline = try [offlineAnswer("caption en"), offlineAnswer("answer en how many shapes?")]
        #expect(choices.compactMap { $0["text"] } == offline.compactMap { $0["text"] })
        for (choice, answer) in zip(choices, offline) {
            #expect(choice["logprobs"]?["token_logprobs"]?.array == answer["logprobs"]?.array)
        }
    }

    @Test("What was answered over HTTP is not among the results of the queue; jobs that were submitted there are")
    func resultsOfTheQueue() throws {
        let folder = try TemporaryFolder()
        let queue = folder.file("queue.db")
        let world = try ServedWorld(["--model", ServedWorld.model, "--queue", queue])
        #expect(try world.post("/v1/chat/completions", ServedWorld.chat("caption en")).status == 200)
        let job = #"{"id": "mine", "prompt": "caption en", "images": [{"data": "\#(ServedWorld.picture)"}], "note": 4}"#
        #expect(try world.post("/v1/jobs", job).status == 202)
        let done = try world.get("/v1/jobs/mine?wait=30")
        #expect(done.status == 200)
        let text = try JSON(parsing: done.text)["text"]
        #expect(text == (try offlineAnswer("caption en")["text"]))
        let results = try SQLiteQueue(path: queue).results(after: 0, limit: 10)
        #expect(results.map(\.id) == ["mine"])
        #expect(results.first?.carried == #"{"note":4}"#)
        // The same job again is known; another one with its id is refused.
        #expect(try world.post("/v1/jobs", job).status == 202)
        let other = job.replacingOccurrences(of: "caption en", with: "ocr")
        let refused = try world.post("/v1/jobs", other)
        #expect(refused.status == 409)
        #expect(refused.headers["x-should-retry"] == "false")
        #expect(try world.get("/v1/jobs/nobody").status == 404)
    }

    @Test(
        "A world that is killed while it answers is replaced, and the client sees one whole answer",
        arguments: [false, true])
    func worldDies(streams: Bool) throws {
        let world = try ServedWorld(
            ["--model", ServedWorld.model, "--restart-pause", "0.1"],
            environment: ["PALIGEMMA_FAULT": "finish:1:kill"])
        let offline = try offlineAnswer("caption en")["text"]?.string
        let response = try world.post(
            "/v1/chat/completions", ServedWorld.chat("caption en", streams ? #", "stream": true"# : ""))
        #expect(response.status == 200)
        let text =
            streams
            ? response.text.components(separatedBy: "\n\n").compactMap {
                (try? JSON(parsing: String($0.dropFirst(6))))?["choices"]?.array?.first?["delta"]?["content"]?.string
            }.joined() : try JSON(parsing: response.text)["choices"]?.array?.first?["message"]?["content"]?.string
        #expect(text == offline)
    }

    @Test("A client that leaves cancels its request")
    func clientLeaves() throws {
        let folder = try TemporaryFolder()
        let queue = folder.file("queue.db")
        // No world works on it, so the request waits.
        let world = try ServedWorld(["--queue", queue], waitsForWorld: false)
        let exchange = try HTTPExchange(port: world.port)
        try exchange.send("POST", "/v1/chat/completions", body: Array(ServedWorld.chat("caption en").utf8))
        let file = try SQLiteQueue(path: queue)
        try Wait.until("the job is in the queue") { try file.counts().ready == 1 }
        exchange.leave()
        try Wait.until("the job is canceled") { try file.counts().cancelled == 1 }
    }

    @Test("Requests beyond the bound are told to come again")
    func overload() throws {
        let folder = try TemporaryFolder()
        let queue = folder.file("queue.db")
        let world = try ServedWorld(["--queue", queue, "--max-waiting", "2"], waitsForWorld: false)
        let body = Array(ServedWorld.chat("caption en").utf8)
        let waiting = try (0..<2).map { _ in
            let exchange = try HTTPExchange(port: world.port)
            try exchange.send("POST", "/v1/chat/completions", body: body)
            return exchange
        }
        let file = try SQLiteQueue(path: queue)
        try Wait.until("both are in the queue") { try file.counts().ready == 2 }
        let refused = try world.post("/v1/chat/completions", ServedWorld.chat("caption en"))
        #expect(refused.status == 429)
        #expect(refused.headers["retry-after"].flatMap { Int($0) } != nil)
        #expect(try JSON(parsing: refused.text)["error"]?["code"]?.string == "queue_full")
        withExtendedLifetime(waiting) {}
    }

    @Test("A request that takes too long is canceled and says so")
    func timeout() throws {
        let folder = try TemporaryFolder()
        let queue = folder.file("queue.db")
        let world = try ServedWorld(["--queue", queue, "--request-timeout", "1"], waitsForWorld: false)
        let response = try world.post("/v1/chat/completions", ServedWorld.chat("caption en"))
        #expect(response.status == 504)
        let file = try SQLiteQueue(path: queue)
        try Wait.until("the job is canceled") { try file.counts().cancelled == 1 }
    }

    @Test("After SIGTERM what was taken is answered, and nothing new is taken")
    func drain() throws {
        let world = try ServedWorld(["--model", ServedWorld.model])
        let exchange = try HTTPExchange(port: world.port)
        try exchange.send(
            "POST", "/v1/chat/completions",
            body: Array(ServedWorld.chat("caption en", #", "stream": true"#).utf8))
        _ = try exchange.receive(until: "assistant")
        world.signal(SIGTERM)
        _ = try exchange.receive(until: "[DONE]")
        #expect(world.wait() == 0)
    }

    @Test("Keys are asked for, are compared, and are in no log")
    func keys() throws {
        let folder = try TemporaryFolder()
        let made = try Programs.run(Programs.paligemma, ["serve", "--new-key", "alice"])
        #expect(made.status == 0)
        let key = try #require(made.errors.split(separator: " ").last?.trimmingCharacters(in: .whitespacesAndNewlines))
        try folder.write(made.output, to: "keys")
        let world = try ServedWorld(
            ["--queue", folder.file("q.db"), "--api-keys", folder.file("keys"), "--access-log"], waitsForWorld: false)
        #expect(try world.get("/health").status == 200)
        #expect(try world.get("/v1/models").status == 401)
        let wrong = try world.get("/v1/models", headers: ["authorization": "Bearer \(key)x"])
        #expect(wrong.status == 401)
        #expect(wrong.headers["www-authenticate"] == "Bearer")
        #expect(try world.get("/v1/models", headers: ["authorization": "Bearer \(key)"]).status == 200)
        // Others' jobs are an admin's business.
        let cancel = try world.post(
            "/v1/cancel", #"{"all": true}"#, headers: ["authorization": "Bearer \(key)"])
        #expect(cancel.status == 403)
        #expect(!world.errors.contains(key))
        #expect(world.errors.contains(#""key":"alice""#))
    }
}
