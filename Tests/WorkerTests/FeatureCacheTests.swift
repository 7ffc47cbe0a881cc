import Foundation
import TestSupport
import Testing

/// Several questions about one picture: its features are computed once, and the answers are the same.
@Suite("Features of pictures are kept", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct FeatureCacheTests {
    private struct Report: Decodable {
        struct Rank: Decodable {
            let encoded: Int?
            let known: Int?

            enum CodingKeys: String, CodingKey {
                case encoded = "encoded_pictures"
                case known = "known_pictures"
            }
        }
        let ranks: [Rank]
        var encoded: Int { ranks.compactMap(\.encoded).reduce(0, +) }
        var known: Int { ranks.compactMap(\.known).reduce(0, +) }
    }

    private let model = Fixtures.path("goldens/grouped")
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Five prompts for each of three pictures, one of which has two files.
    private func jobs() throws -> String {
        try FileManager.default.copyItem(
            atPath: Fixtures.path("pictures/gray.jpg"), toPath: folder.file("copy.jpg"))
        let pictures = [
            Fixtures.path("pictures/gray.jpg"), folder.file("copy.jpg"), Fixtures.path("pictures/exif3.png"),
        ]
        let prompts = ["caption en", "ocr", "detect cat", "answer en is there a cat?", ""]
        let lines = pictures.enumerated().flatMap { number, picture in
            prompts.enumerated().map { index, prompt in
                #"{"id": "\#(number)-\#(index)", "images": ["\#(picture)"], "prompt": "\#(prompt)", "max_tokens": 4}"#
            }
        }
        return try folder.write(lines.joined(separator: "\n"), to: "jobs.jsonl")
    }

    private func work(
        ranks: Int, jobs: String, _ flags: [String]
    ) throws -> (report: Report, answers: [String: ReferenceAnswers.ResultLine], errors: String) {
        let queue = try TestQueue()
        try queue.submit(["--jobs", jobs])
        let path = queue.folder.file("report.json")
        let outcome = try queue.work(ranks: ranks, model: model, ["--report", path] + flags)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let report = try JSONDecoder().decode(Report.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        let answers = Dictionary(uniqueKeysWithValues: try queue.results().map { ($0.id, $0) })
        return (report, answers, outcome.errors)
    }

    private func expectSame(
        _ answers: [String: ReferenceAnswers.ResultLine], _ others: [String: ReferenceAnswers.ResultLine]
    ) {
        #expect(answers.count == 15 && Set(answers.keys) == Set(others.keys))
        for (id, answer) in answers {
            #expect(answer.error == nil && answer.tokens == others[id]?.tokens, "\(id)")
            // Other pictures are in the micro-batch.
            #expect(zip(answer.logprobs, others[id]?.logprobs ?? []).allSatisfy { abs($0 - $1) < 1e-4 }, "\(id)")
        }
    }

    @Test("With a cache in memory each picture is encoded once, and without one once for each job", arguments: [1, 3])
    func memory(ranks: Int) throws {
        let jobs = try jobs()
        let without = try work(ranks: ranks, jobs: jobs, ["--feature-cache", "0"])
        #expect(without.report.encoded == 15 && without.report.known == 0)
        let with = try work(ranks: ranks, jobs: jobs, ["--batch-rows", "60"])
        #expect(with.report.encoded == 2 && with.report.known == 13)
        expectSame(with.answers, without.answers)
        // Too little for one: each micro-batch is for itself, in which the same picture still goes once.
        let little = try work(ranks: ranks, jobs: jobs, ["--feature-cache", "100"])
        #expect(little.report.encoded >= 2 && little.report.encoded + little.report.known == 15)
        expectSame(little.answers, without.answers)
    }

    /// The picture was encoded before in another micro-batch, in which a last bit may differ.
    @Test("A sampled answer is the same to the bit with the cache and without", arguments: ["exact", "int8"])
    func sampled(precision: String) throws {
        // Eight bits are written beside the model.
        let copy = folder.file("model")
        try FileManager.default.copyItem(atPath: model, toPath: copy)
        let picture = Fixtures.path("pictures/gray.jpg")
        let others = ["gray.jpg", "exif3.png", "cmyk.jpg", "exif1.jpg"].map { Fixtures.path("pictures/" + $0) }
        let draw = #"{"id": "drawn", "images": ["\#(picture)"], "prompt": "ocr", "max_tokens": 9, "temperature": 1.5}"#
        let greedy = others.map { #"{"id": "\#($0)", "images": ["\#($0)"], "prompt": "ocr", "max_tokens": 2}"# }
        var answers: [ReferenceAnswers.ResultLine] = []
        for (lines, flags) in [([draw], ["--feature-cache", "0"]), (greedy + [draw], []), ([draw] + greedy, [])] {
            let queue = try TestQueue()
            try queue.submit(["--jobs", folder.write(lines.joined(separator: "\n"), to: "drawn.jsonl")])
            #expect(try queue.work(ranks: 2, model: copy, ["--precision", precision] + flags).status == 0)
            answers.append(try #require(try queue.results().first { $0.id == "drawn" }))
        }
        for other in answers.dropFirst() {
            #expect(other.tokens == answers[0].tokens && other.logprobs == answers[0].logprobs)
        }
    }

    @Test("A feature folder serves the next world too, replaces a damaged file and keeps to its size")
    func disk() throws {
        let jobs = try jobs()
        let features = folder.file("features")
        let flags = ["--feature-cache", "0", "--feature-folder", features]
        let first = try work(ranks: 2, jobs: jobs, flags)
        #expect(first.report.encoded == 2)
        func files() throws -> [String] {
            let all = try FileManager.default.subpathsOfDirectory(atPath: features)
            return all.filter { $0.hasSuffix(".features") }.map { features + "/" + $0 }
        }
        #expect(try files().count == 2)
        let second = try work(ranks: 1, jobs: jobs, flags)
        #expect(second.report.encoded == 0 && second.report.known == 15)
        expectSame(second.answers, first.answers)

        let damaged = try #require(try files().first)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: damaged))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: damaged))
        let third = try work(ranks: 1, jobs: jobs, flags)
        #expect(third.report.encoded == 1)
        expectSame(third.answers, first.answers)

        let small = try work(ranks: 1, jobs: jobs, flags + ["--feature-folder-size", "\(bytes.count + 10)"])
        expectSame(small.answers, first.answers)
        let left = try files().map { try FileManager.default.attributesOfItem(atPath: $0)[.size] as? Int ?? 0 }
        #expect(left.reduce(0, +) <= bytes.count + 10)
    }

    @Test("A folder that cannot be used is refused, and one without room is only reported")
    func refusals() throws {
        let queue = try TestQueue()
        try queue.submit(["--jobs", try jobs()])
        let file = try folder.write("", to: "file")
        let refused = try queue.work(ranks: 1, model: model, ["--feature-folder", file])
        #expect(refused.status == 3 && refused.errors.contains("give another --feature-folder"), "\(refused.errors)")
        let wrong = try queue.work(ranks: 1, model: model, ["--feature-cache", "much"])
        #expect(wrong.status == 2 && wrong.errors.contains("--feature-cache"), "\(wrong.errors)")
    }
}
