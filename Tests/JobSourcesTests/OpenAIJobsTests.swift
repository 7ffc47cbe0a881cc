import Base
import JobSources
import Queue
import TestSupport
import Testing

@Suite("Jobs from requests for OpenAI's batch interface") struct OpenAIJobsTests {
    let bench: SourceBench

    init() throws { bench = try SourceBench() }

    private static let picture = #"{"type":"image_url","image_url":{"url":"x.png"}}"#

    /// A request with a body's further keys.
    private func request(_ id: String = "a", content: String = "[\(picture)]", _ body: String = "") -> String {
        #"{"custom_id":"\#(id)","method":"POST","url":"/v1/chat/completions","body":{"model":"m","#
            + #""messages":[{"role":"user","content":\#(content)}]\#(body.isEmpty ? "" : "," + body)}}"#
    }

    private func read(_ lines: String...) throws -> SourceBench.Outcome {
        try bench.folder.write(lines.joined(separator: "\n"), to: "in.jsonl")
        return try bench.read("openai:" + bench.folder.file("in.jsonl"))
    }

    @Test("A request is a job with its id, its texts, its pictures and its options")
    func request() throws {
        let content = """
            [{"type":"text","text":"what"},\(Self.picture),{"type":"text","text":"is it?"},
            {"type":"image_url","image_url":"https://h/y.png"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AQID","detail":"low"}},
            {"type":"image_url","image_url":{"url":"file:///d/a%20b.png"}}]
            """.replacing("\n", with: "")
        let outcome = try read(
            request("q/1", content: content, #""max_tokens":5,"max_completion_tokens":7,"temperature":0.5,"top_p":0.9,"seed":3,"#
                + #""stop":["."],"n":1,"stream":false,"user":"u","tools":[],"frequency_penalty":0"#), "",
            request("b"))
        let job = try #require(outcome.jobs.first)
        #expect(job.fault == nil && job.id == "q/1" && job.prompt == "what\nis it?" && job.maxTokens == 7)
        #expect(job.options == #"{"temperature":0.5,"top_p":0.9,"seed":3,"stop":["."]}"#)
        #expect(job.images.map(\.name) == ["x.png", "https://h/y.png", "q/1#2", "/d/a b.png"])
        #expect(job.images.map(\.path.lastPathPart).first == "x.png" && job.images[0].path == bench.folder.file("x.png"))
        #expect(job.images[2].bytes == [1, 2, 3] && job.images[2].contentHash == ContentHash.hexadecimal(of: [1, 2, 3]))
        #expect(job.carried == nil)
        #expect(outcome.jobs[1].prompt == "caption en" && outcome.jobs[1].id == "b")
        #expect(outcome.notes == ["the requests name the model \"m\"; the model of the workers answers"])
    }

    @Test("Base64 may lack its padding, and data of another form is a failed job")
    func data() throws {
        func url(_ text: String) -> String { #"[{"type":"image_url","image_url":{"url":"\#(text)"}}]"# }
        let outcome = try read(
            request("1", content: url("data:;base64,AQI")), request("2", content: url("DATA:image/x;BASE64,AQIDBA==")),
            request("3", content: url("data:image/png,abc")), request("4", content: url("data:;base64,")),
            request("5", content: url("data:;base64,A*I=")))
        #expect(outcome.jobs.map { $0.images.first?.bytes } == [[1, 2], [1, 2, 3, 4], nil, nil, nil])
        #expect(outcome.jobs.map(\.id) == ["1", "2", "3", "4", "5"])
        #expect(outcome.jobs.map { $0.fault == nil } == [true, true, false, false, false])
    }

    @Test(
        "What a job cannot have fails that line by name, under its id",
        arguments: [
            (#""stream":true"#, "\"stream\""), (#""n":3"#, "\"n\""), (#""best_of":2"#, "\"best_of\""),
            (#""frequency_penalty":0.5"#, "\"frequency_penalty\""), (#""tools":[{}]"#, "\"tools\""),
            (#""top_logprobs":3"#, "\"logprobs\""), (#""max_tokens":0"#, "\"max_tokens\""),
            (#""temperature":"hot""#, "\"temperature\""), (#""seed":-1"#, "\"seed\""), (#""stop":7"#, "\"stop\""),
        ])
    func refusedKeys(key: String, name: String) throws {
        let outcome = try read(request("bad", key), request("good"))
        #expect(outcome.jobs.map(\.id) == ["bad", "good"] && outcome.jobs[1].fault == nil)
        #expect(outcome.faults[0].contains(name) && outcome.faults[0].contains("line 1"), "\(outcome.faults[0])")
    }

    @Test(
        "Lines that are no requests are failed jobs with what is wrong",
        arguments: [
            (#"{"custom_id":"a"}"#, "\"body\""), ("[]", "an object is expected"), ("{", "not JSON"), ("17", "an object"),
            (#"{"custom_id":7,"body":{}}"#, "\"custom_id\""), (#"{"body":{}}"#, "\"custom_id\""),
            (#"{"custom_id":"a","url":"/v1/embeddings","body":{}}"#, "/v1/embeddings"),
            (#"{"custom_id":"a","method":"GET","body":{}}"#, "GET"), (#"{"custom_id":"a","extra":1,"body":{}}"#, "\"extra\""),
            (#"{"custom_id":"a","body":{"model":4,"messages":[{"role":"user","content":[{"type":"image_url","image_url":"x"}]}]}}"#, "\"model\""),
            (#"{"custom_id":"a","body":{"messages":{}}}"#, "\"messages\""),
            (#"{"custom_id":"a","body":{"messages":[]}}"#, "\"messages\""),
            (#"{"custom_id":"a","body":{"messages":["x"]}}"#, "\"role\""),
            (#"{"custom_id":"a","body":{"messages":[{"role":"system","content":"x"}]}}"#, "\"system\""),
            (#"{"custom_id":"a","body":{"messages":[{"role":"user","content":"x"}]}}"#, "no picture"),
            (#"{"custom_id":"a","body":{"messages":[{"role":"user","content":5}]}}"#, "\"content\""),
            (#"{"custom_id":"a","body":{"messages":[{"role":"user","content":[{"type":"audio"}]}]}}"#, "\"audio\""),
            (#"{"custom_id":"a","body":{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}}"#, "image_url"),
            (#"{"custom_id":"a","body":{"messages":[{"role":"user"},{"role":"user"}]}}"#, "2 messages"),
        ])
    func noRequests(line: String, text: String) throws {
        let outcome = try read(line)
        #expect(outcome.jobs.count == 1 && outcome.faults[0].contains(text), "\(outcome.faults)")
    }
}
