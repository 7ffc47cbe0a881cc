// The fields are named as the keys of the results.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Base
import DecodingSettings
import Foundation
import TestSupport
import Testing

@Suite("Every way of decoding in worlds of real ranks", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct DecodingTests {
    private struct Alternative: Decodable {
        let tokens: [Int32]
        let text: String
        let score: Float
        let logprobs: [Float]
        let finish_reason: String
    }

    private struct Choice: Decodable {
        let text: String
        let logprob: Float
        let probability: Float
    }

    private struct Token: Decodable {
        let id: Int32
        let logprob: Float
    }

    private struct Line: Decodable {
        let id: String
        let text: String?
        let tokens: [Int32]
        let logprobs: [Float]
        let finish_reason: String?
        let error: ReferenceAnswers.ResultLine.Failure?
        let stop_reason: String?
        let score: Float?
        let answers: [Alternative]?
        let choices: [Choice]?
        let top_logprobs: [[Token]]?
    }

    /// What transformers makes of a job (Tests/Fixtures/goldens/decoding.py).
    private struct Golden: Decodable {
        struct Beam: Decodable {
            let tokens: [Int32]
            let text: String
            let score: Float
            let logprobs: [Float]
            let ended: Bool
        }
        struct Expected: Decodable {
            let beams: [Beam]?
            let choices: [Float]?
            let tokens: [Int32]?
            let text: String?
            let draws: [Float]?
            let finish_reason: String?
            let top: [[[Float]]]?
        }
        let id: String
        let prompt: String
        let choices: [String]?
        let expected: Expected
    }

    private func lines(_ queue: TestQueue) throws -> [String: Line] {
        let outcome = try Programs.run(Programs.paligemma, ["results", "--queue", queue.path])
        let lines = try outcome.output.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        return Dictionary(uniqueKeysWithValues: lines.map { ($0.id, $0) })
    }

    private func model(_ name: String) -> String {
        Fixtures.path(name == "miniature" ? "../../Examples/miniature/model" : "goldens/\(name)")
    }

    /// Puts the goldens' jobs into a queue, without what is expected of them.
    private func submit(_ name: String, to queue: TestQueue, file: String = "decoding") throws -> [Golden] {
        let lines = try Fixtures.lines("goldens/\(name)/\(file).jsonl")
        let jobs = try lines.map { line -> String in
            let members = try #require(JSON(parsing: String(decoding: line, as: UTF8.self)).object)
            var writer = JSONWriter()
            writer.value(
                .object(
                    members.filter { $0.key != "expected" }.map { member in
                        guard member.key == "images" else { return member }
                        let images = member.value.array?.compactMap(\.string) ?? []
                        return JSON.Member(
                            key: "images",
                            value: .array(images.map { .string(Fixtures.path("goldens/\(name)/" + $0)) }))
                    }))
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        let path = try queue.folder.write(jobs.joined(separator: "\n") + "\n", to: "jobs.jsonl")
        try queue.submit(["--jobs", path])
        return try lines.map { try JSONDecoder().decode(Golden.self, from: $0) }
    }

    /// Of these random checkpoints float32 itself is off by 1e-3 in places.
    private static let tolerance: Float = 2e-3

    @Test(
        "Beam search, sampling, choices and top log-probabilities are those of transformers, all in one batch",
        arguments: ["odd", "grouped", "second", "edge", "miniature", "second window", "edge window"], [1, 2, 3, 4])
    func goldens(name: String, ranks: Int) throws {
        let queue = try TestQueue()
        let (name, window) = (name.split(separator: " ")[0], name.hasSuffix("window"))
        let goldens = try submit(String(name), to: queue, file: window ? "decoding-window" : "decoding")
        let outcome = try queue.work(
            ranks: ranks, model: model(String(name)), window ? ["--sliding-window"] : [])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let results = try lines(queue)
        #expect(results.count == goldens.count)
        for golden in goldens {
            let result = try #require(results[golden.id])
            #expect(result.error == nil, "\(golden.id): \(result.error?.message ?? "")")
            compare(result, golden)
        }
    }

    private func compare(_ result: Line, _ golden: Golden) {
        let (expected, id) = (golden.expected, golden.id)
        func near(_ a: [Float], _ b: [Float]) -> Bool {
            // A negative penalty makes scores of hundreds.
            a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < Self.tolerance * max(1, abs($1) / 10) }
        }
        if let beams = expected.beams {
            let answers = result.answers ?? []
            #expect(answers.map(\.tokens) == beams.map(\.tokens), "\(id)")
            #expect(answers.map(\.text) == beams.map(\.text), "\(id)")
            #expect(answers.map { $0.finish_reason == "stop" } == beams.map(\.ended), "\(id)")
            #expect(near(answers.map(\.score), beams.map(\.score)), "\(id)")
            #expect(zip(answers, beams).allSatisfy { near($0.logprobs, $1.logprobs) }, "\(id)")
            #expect(result.text == beams.first?.text && result.score == answers.first?.score, "\(id)")
        } else if let choices = expected.choices, let texts = golden.choices {
            #expect(result.choices?.map(\.text) == texts, "\(id)")
            #expect(near(result.choices?.map(\.logprob) ?? [], choices), "\(id)")
            #expect(abs((result.choices?.reduce(0) { $0 + $1.probability } ?? 0) - 1) < 1e-5, "\(id)")
            let best = choices.indices.max { choices[$0] < choices[$1] } ?? 0
            #expect(result.text == texts[best] && result.score == result.choices?[best].logprob, "\(id)")
        } else if let draws = expected.draws, let tokens = expected.tokens {
            let sure = draws.prefix { $0 > 1e-4 }.count
            #expect(result.tokens.prefix(sure) == tokens.prefix(sure), "\(id)")
            if sure == draws.count {
                #expect(result.text == expected.text && result.finish_reason == expected.finish_reason, "\(id)")
            }
        } else if let top = expected.top {
            #expect(result.tokens == expected.tokens, "\(id)")
            let reported = result.top_logprobs ?? []
            #expect(reported.count == top.count, "\(id)")
            for (reported, top) in zip(reported, top) {
                #expect(near(reported.map(\.logprob), top.map { $0[1] }), "\(id)")
                // Two that are nearly as probable may stand the other way round.
                #expect(Set(reported.dropLast().map(\.id)).subtracting(top.map { Int32($0[0]) }).isEmpty, "\(id)")
            }
        }
    }

    @Test("With int8 every way of decoding answers, and sampling is batch invariant", arguments: [1, 3])
    func int8(ranks: Int) throws {
        let folder = try TemporaryFolder()
        for name in ["config.json", "model.safetensors", "tokenizer.model"] {
            try FileManager.default.copyItem(atPath: model("grouped") + "/" + name, toPath: folder.file(name))
        }
        let queue = try TestQueue()
        let goldens = try submit("grouped", to: queue)
        let outcome = try queue.work(ranks: ranks, model: folder.path, ["--precision", "int8"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let together = try lines(queue)
        let draws = goldens.filter { $0.expected.draws != nil }.map(\.id)
        for golden in goldens {
            let result = try #require(together[golden.id])
            #expect(result.error == nil)
            for (mine, expected) in zip(result.choices ?? [], golden.expected.choices ?? []) {
                #expect(abs(mine.logprob - expected) < 0.3)
            }
            #expect(result.answers?.count == golden.expected.beams?.count)
        }
        // The same jobs in another order, of which only one decodes beside others.
        let jobs = try String(contentsOfFile: queue.folder.file("jobs.jsonl"), encoding: .utf8).split(separator: "\n")
        let some = jobs.filter { line in draws.contains { line.contains("\"\($0)\"") } }.reversed()
        let other = try TestQueue()
        let path = try other.folder.write(some.joined(separator: "\n") + "\n", to: "jobs.jsonl")
        try other.submit(["--jobs", path])
        #expect(
            try other.work(ranks: ranks, model: folder.path, ["--precision", "int8", "--batch-rows", "1"]).status == 0)
        let apart = try lines(other)
        #expect(apart.count == draws.count)
        for id in draws {
            #expect(apart[id]?.tokens == together[id]?.tokens && apart[id]?.logprobs == together[id]?.logprobs, "\(id)")
        }
    }

    @Test("Stop texts and repetitions end an answer where they come, whatever the ranks", arguments: [1, 3])
    func ends(ranks: Int) throws {
        let queue = try TestQueue()
        let picture = Fixtures.path("../../Examples/pictures/two-shapes.jpg")
        let ways = [
            #""id": "plain""#, #""id": "over", "stop": ["e le", "ft of"]"#, #""id": "first", "stop": "a""#,
            #""id": "never", "stop": ["\n", "purple"]"#,
            #""id": "last", "stop": ["triangle", "circle", "square", "star"]"#,
            #""id": "beams", "num_beams": 3"#, #""id": "top", "top_logprobs": 2, "stop": " square""#,
        ]
        let lines = ways.map { #"{"images": ["\#(picture)"], "prompt": "caption en", "max_tokens": 20, \#($0)}"# }
        let path = try queue.folder.write(lines.joined(separator: "\n") + "\n", to: "jobs.jsonl")
        try queue.submit(["--jobs", path])
        let outcome = try queue.work(ranks: ranks, model: model("miniature"))
        #expect(outcome.status == 0, "\(outcome.errors)")
        let results = try self.lines(queue)
        let plain = try #require(results["plain"]?.text)
        #expect(plain.hasPrefix("a black square left of a"))
        #expect(results["over"]?.text == "a black squar" && results["over"]?.stop_reason == "e le")
        #expect(results["first"]?.text == "" && results["first"]?.tokens.count == 1)
        #expect(results["never"]?.text == plain && results["never"]?.stop_reason == nil)
        #expect(results["last"]?.text == "a black " && results["last"]?.stop_reason == "square")
        #expect(results["beams"]?.text == plain)
        #expect(results["top"]?.top_logprobs?.count == results["top"]?.tokens.count)
        for id in ["over", "first", "last"] { #expect(results[id]?.finish_reason == "stop") }
    }

    /// Answers of this checkpoint repeat themselves often.
    @Test("A run of one n-gram ends an answer when that is asked for", arguments: [1, 3])
    func repetitions(ranks: Int) throws {
        let reference = try ReferenceAnswers("second")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs, "--stop-repetition", "2x3"])
        #expect(try queue.work(ranks: ranks, model: reference.model).status == 0)
        let results = try lines(queue)
        var ended = 0
        for answer in reference.answers where answer.margins.allSatisfy({ $0 > 1e-3 }) {
            let result = try #require(results[answer.id])
            let rule = Repetition(longest: 2, times: 3)
            let end = (1...answer.tokens.count).first { rule.isEnd(of: Array(answer.tokens.prefix($0))) }
            #expect(result.tokens == Array(answer.tokens.prefix(end ?? answer.tokens.count)), "\(answer.id)")
            #expect(result.finish_reason == (end == nil ? answer.finish_reason : "repetition"), "\(answer.id)")
            ended += end == nil ? 0 : 1
        }
        #expect(ended > 5)
    }

    @Test("A job with invalid options fails alone, and its neighbors are answered")
    func refusals() throws {
        let queue = try TestQueue()
        let picture = Fixtures.path("../../Examples/pictures/one-shape.png")
        let ways = [
            #""id": "good""#, #""id": "zero", "num_beams": 0"#, #""id": "hundred", "num_beams": 100"#,
            #""id": "cold", "temperature": -1"#, #""id": "one", "choices": ["yes"]"#,
            #""id": "both", "num_beams": 2, "temperature": 1"#, #""id": "well", "num_beams": 2"#,
        ]
        let lines = ways.map { #"{"images": ["\#(picture)"], "prompt": "caption en", "max_tokens": 8, \#($0)}"# }
        let path = try queue.folder.write(lines.joined(separator: "\n") + "\n", to: "jobs.jsonl")
        try queue.submit(["--jobs", path], status: 1)
        #expect(try queue.work(ranks: 2, model: model("miniature")).status == 0)
        let results = try self.lines(queue)
        #expect(results.count == ways.count)
        #expect(results.values.filter { $0.error == nil }.map(\.id).sorted() == ["good", "well"])
        #expect(results.values.filter { $0.error != nil }.allSatisfy { $0.error?.code == "invalid_job" })
    }

    @Test("The flags of submit are the keys of all its jobs")
    func flags() throws {
        let queue = try TestQueue()
        let picture = Fixtures.path("../../Examples/pictures/one-shape.png")
        let ask = ["--id-with-prompt", picture]
        try queue.submit(
            ["--prompt", "caption en", "--num-beams", "3", "--num-return", "2", "--early-stopping", "never"] + ask)
        try queue.submit(["--prompt", "answer en what color is the circle?", "--choices", "red,blue"] + ask)
        try queue.submit(["--prompt", "describe en", "--stop", " red", "--stop", "!", "--top-logprobs", "1"] + ask)
        try queue.submit(
            ["--prompt", "", "--temperature", "0.5", "--top-p", "0.9", "--top-k", "9", "--seed", "4"] + ask)
        try queue.submit(["--prompt", "ocr", "--num-beams", "17"] + ask, status: 2)
        #expect(try queue.work(ranks: 1, model: model("miniature")).status == 0)
        let results = try self.lines(queue)
        #expect(results[picture + "#caption en"]?.answers?.count == 2)
        let color = results[picture + "#answer en what color is the circle?"]
        #expect(color?.text == "red" && (color?.choices?.first?.probability ?? 0) > 0.9)
        #expect(results[picture + "#describe en"]?.stop_reason == " red")
        #expect(results.count == 4 && results.values.allSatisfy { $0.error == nil })
    }
}
