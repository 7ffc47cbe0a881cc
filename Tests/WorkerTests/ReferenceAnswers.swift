// The fields are named as the keys of the results.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Foundation
import Queue
import TestSupport
import Testing

/// The committed jobs of a small checkpoint and what the reference answers.
struct ReferenceAnswers {
    struct Answer: Decodable {
        let id: String
        let tokens: [Int32]
        let text: String
        let finish_reason: String
        let logprobs: [Float]
        /// Between the two best logits of each step; below 1e-3 two correct programs may differ.
        let margins: [Float]
    }

    struct ResultLine: Decodable {
        struct Failure: Decodable {
            let code: String
            let message: String
        }
        let id: String
        let tokens: [Int32]
        let text: String?
        let finish_reason: String?
        let logprobs: [Float]
        let error: Failure?
    }

    let model: String
    let jobs: String
    let answers: [Answer]

    /// - Parameter window: with the sliding window of PaliGemma 2.
    init(_ name: String, window: Bool = false) throws {
        model = Fixtures.path("goldens/\(name)")
        jobs = model + "/jobs.jsonl"
        answers = try Fixtures.lines("goldens/\(name)/answers\(window ? "-window" : "").jsonl").map {
            try JSONDecoder().decode(Answer.self, from: $0)
        }
    }

    /// Every job answered, every token equal as far as the reference is sure of it (by its margin), log-probabilities
    /// within a tolerance.
    func expect(
        _ results: [ResultLine], except: Set<String> = [], margin: Float = 1e-3, tolerance: Float = 1e-3
    ) {
        let byID = Dictionary(uniqueKeysWithValues: results.map { ($0.id, $0) })
        #expect(byID.count == answers.count)
        for answer in answers where !except.contains(answer.id) {
            guard let result = byID[answer.id] else {
                Issue.record("\(answer.id) has no result")
                continue
            }
            #expect(result.error == nil, "\(answer.id): \(result.error?.message ?? "")")
            let sure = answer.margins.prefix { $0 > margin }.count
            let count = min(sure, answer.tokens.count)
            #expect(result.tokens.prefix(count) == answer.tokens.prefix(count), "\(answer.id)")
            for (mine, expected) in zip(result.logprobs, answer.logprobs).prefix(count) {
                #expect(abs(mine - expected) < tolerance, "\(answer.id)")
            }
            if sure == answer.margins.count {
                #expect(result.text == answer.text && result.finish_reason == answer.finish_reason, "\(answer.id)")
                #expect(result.tokens.count == answer.tokens.count)
            }
        }
    }
}

/// A queue in a folder of its own, and the worlds that work on it.
struct TestQueue {
    let folder: TemporaryFolder
    /// A file, or an address.
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("jobs.db")
    }

    /// On PostgreSQL.
    init(server: PostgresServer) throws {
        folder = try TemporaryFolder()
        path = try server.makeDatabase()
    }

    func submit(_ arguments: [String], status: Int32 = 0) throws {
        let outcome = try Programs.run(Programs.paligemma, ["submit", "--queue", path] + arguments)
        #expect(outcome.status == status, "\(outcome.errors)")
    }

    func work(
        ranks: Int, model: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> Programs.Outcome {
        try Programs.world(
            ranks: ranks, ["--model", model, "--queue", path, "--drain"] + arguments, environment: environment)
    }

    func results(_ arguments: [String] = []) throws -> [ReferenceAnswers.ResultLine] {
        let outcome = try Programs.run(Programs.paligemma, ["results", "--queue", path] + arguments)
        #expect(outcome.status == 0 || outcome.status == 1, "\(outcome.errors)")
        return try outcome.output.split(separator: "\n").map {
            try JSONDecoder().decode(ReferenceAnswers.ResultLine.self, from: Data($0.utf8))
        }
    }
}
