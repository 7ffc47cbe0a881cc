// The fields are named as the keys of the results.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Base
import Foundation
import Queue
import TestSupport
import Testing

@Suite("Rules of jobs and of generation_config.json in worlds", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct GenerationTests {
    /// What transformers makes of a job (Tests/Fixtures/goldens/rules.py).
    private struct Golden: Decodable {
        struct Answer: Decodable {
            let tokens: [Int32]
            let score: Float
            let logprobs: [Float]
            let ended: Bool
        }
        struct Expected: Decodable {
            let beams: [Answer]?
            let tokens: [Int32]?
            let logprobs: [Float]?
            let finish_reason: String?
            let margin: Float?
        }
        let id: String
        let expected: Expected
    }

    private struct Line: Decodable {
        struct Alternative: Decodable {
            let tokens: [Int32]
            let score: Float
            let logprobs: [Float]
            let finish_reason: String
        }
        let id: String
        let tokens: [Int32]
        let logprobs: [Float]
        let finish_reason: String?
        let error: ReferenceAnswers.ResultLine.Failure?
        let answers: [Alternative]?
    }

    /// A golden, and its job as a person would write it.
    private struct Case {
        let golden: Golden
        let members: [JSON.Member]
        /// Keys for a generation_config.json.
        let file: JSON?

        init(_ line: Data, folder: String) throws {
            golden = try JSONDecoder().decode(Golden.self, from: line)
            let all = try JSON(parsing: [UInt8](line)).object ?? []
            file = all.first { $0.key == "file" }?.value
            members = all.filter { !["expected", "file"].contains($0.key) }.map { member in
                guard member.key == "images" else { return member }
                let images = member.value.array?.compactMap(\.string) ?? []
                return JSON.Member(key: "images", value: .array(images.map { .string(folder + "/" + $0) }))
            }
        }

        /// Without some keys.
        func line(without keys: Set<String> = []) -> String {
            var writer = JSONWriter()
            writer.value(.object(members.filter { !keys.contains($0.key) }))
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    private func cases(_ checkpoint: String) throws -> [Case] {
        try Fixtures.lines("goldens/\(checkpoint)/rules.jsonl").map {
            try Case($0, folder: Fixtures.path("goldens/\(checkpoint)"))
        }
    }

    private func model(_ checkpoint: String, _ file: JSON) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for name in ["config.json", "model.safetensors", "tokenizer.model"] {
            try FileManager.default.copyItem(
                atPath: Fixtures.path("goldens/\(checkpoint)/\(name)"), toPath: folder.file(name))
        }
        var writer = JSONWriter()
        writer.value(file)
        _ = try folder.write(String(decoding: writer.bytes, as: UTF8.self), to: "generation_config.json")
        return folder
    }

    private func results(of jobs: [String], ranks: Int, model: String) throws -> [String: Line] {
        let queue = try TestQueue()
        let path = try queue.folder.write(jobs.joined(separator: "\n") + "\n", to: "jobs.jsonl")
        try queue.submit(["--jobs", path])
        let outcome = try queue.work(ranks: ranks, model: model)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let lines = try Programs.run(Programs.paligemma, ["results", "--queue", queue.path]).output
        return Dictionary(
            uniqueKeysWithValues: try lines.split(separator: "\n").map {
                let line = try JSONDecoder().decode(Line.self, from: Data($0.utf8))
                return (line.id, line)
            })
    }

    private func compare(_ line: Line?, _ golden: Golden) throws {
        let (line, expected, id) = (try #require(line), golden.expected, golden.id)
        // Of these random checkpoints float32 itself is off by 1e-3 in places.
        func near(_ a: [Float], _ b: [Float]) -> Bool {
            a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 2e-3 * max(1, abs($1) / 10) }
        }
        #expect(line.error == nil, "\(id): \(line.error?.message ?? "")")
        if let beams = expected.beams {
            let answers = line.answers ?? []
            #expect(answers.map(\.tokens) == beams.map(\.tokens), "\(id)")
            #expect(answers.map { $0.finish_reason == "stop" } == beams.map(\.ended), "\(id)")
            #expect(near(answers.map(\.score), beams.map(\.score)), "\(id)")
            #expect(zip(answers, beams).allSatisfy { near($0.logprobs, $1.logprobs) }, "\(id)")
        } else if expected.margin ?? 0 > 2e-3 {
            #expect(line.tokens == expected.tokens, "\(id)")
            #expect(line.finish_reason == expected.finish_reason, "\(id)")
            #expect(near(line.logprobs, expected.logprobs ?? []), "\(id)")
        }
    }

    @Test(
        "Every rule, greedy and with beams, gives the answers and log-probabilities of transformers, all in one batch",
        arguments: ["odd", "second"], [1, 2, 3, 4])
    func jobs(checkpoint: String, ranks: Int) throws {
        let cases = try cases(checkpoint).filter { $0.file == nil }
        #expect(cases.count(where: { $0.golden.expected.margin ?? 1 > 2e-3 }) > 40)
        let results = try results(
            of: cases.map { $0.line() }, ranks: ranks, model: Fixtures.path("goldens/\(checkpoint)"))
        for golden in cases.map(\.golden) { try compare(results[golden.id], golden) }
    }

    @Test("End tokens of generation_config.json end answers as in transformers", arguments: ["odd", "second"], [1, 3])
    func endTokens(checkpoint: String, ranks: Int) throws {
        for one in try cases(checkpoint) {
            guard let file = one.file else { continue }
            let model = try model(checkpoint, file)
            let results = try results(of: [one.line()], ranks: ranks, model: model.path)
            try compare(results[one.golden.id], one.golden)
        }
    }

    @Test("Keys of generation_config.json hold for jobs that say nothing, and a job's own keys win", arguments: [1, 3])
    func defaults(ranks: Int) throws {
        let all = try cases("odd").filter { $0.file == nil }
        let beams = ["num_beams", "num_return", "length_penalty"]
        for (index, keys) in [
            (2, ["repetition_penalty", "no_repeat_ngram_size"]), (20, beams), (14, ["sequence_bias"]),
        ] {
            let one = all[index]
            let names = ["num_return": "num_return_sequences"]
            let file = one.members.filter { keys.contains($0.key) }.map {
                JSON.Member(key: names[$0.key] ?? $0.key, value: $0.value)
            }
            #expect(!file.isEmpty)
            let model = try model("odd", .object(file))
            // The other jobs give a key that switches the file's off.
            let other = all[6]
            let off = #""num_beams":1,"repetition_penalty":1,"no_repeat_ngram_size":0,"sequence_bias":[],"#
            let plain = other.line().replacingOccurrences(of: "{\"id\"", with: "{\(off)\"id\"")
            let results = try results(of: [one.line(without: Set(keys)), plain], ranks: ranks, model: model.path)
            try compare(results[one.golden.id], one.golden)
            try compare(results[other.golden.id], other.golden)
        }
    }

    @Test("What generation_config.json asks for and is not implemented is refused before the queue is touched")
    func refused() throws {
        let model = try model("odd", .object([JSON.Member(key: "guidance_scale", value: .number("1.5"))]))
        let queue = try TestQueue()
        try queue.submit(["--prompt", "ocr", Fixtures.path("pictures/gray.jpg")])
        let outcome = try queue.work(ranks: 2, model: model.path)
        #expect(outcome.status == 4)
        #expect(outcome.errors.contains("guidance_scale is not implemented"), "\(outcome.errors)")
        // The queue has no model yet: another world may take it.
        #expect(try queue.work(ranks: 1, model: Fixtures.path("goldens/odd")).status == 0)
    }

    @Test("Two fine-tunes that differ in one tensor do not share a queue, and an old queue says what to do")
    func fineTunes() throws {
        let first = try model("odd", .object([]))
        let queue = try TestQueue()
        try queue.submit(["--prompt", "ocr", Fixtures.path("pictures/gray.jpg")])
        #expect(try queue.work(ranks: 1, model: first.path).status == 0)
        let path = first.file("model.safetensors")
        var weights = try Data(contentsOf: URL(fileURLWithPath: path))
        weights[weights.count - 1] ^= 0x80
        try weights.write(to: URL(fileURLWithPath: path))
        let outcome = try queue.work(ranks: 1, model: first.path)
        #expect(outcome.status == 5 && outcome.errors.contains("belongs to the model"), "\(outcome)")
        #expect(!outcome.errors.contains("older version"))

        let old = try TestQueue()
        try old.submit(["--prompt", "ocr", Fixtures.path("pictures/gray.jpg")])
        try openQueue(old.path).adopt(fingerprint: "0f3c3f6d0a1b2c3d4e5f60718293a4b5", modelName: "odd")
        let refusal = try old.work(ranks: 1, model: first.path)
        #expect(refusal.status == 5 && refusal.errors.contains("older version"), "\(refusal)")
        #expect(refusal.errors.contains("submit them to a new queue"), "\(refusal)")
    }
}
