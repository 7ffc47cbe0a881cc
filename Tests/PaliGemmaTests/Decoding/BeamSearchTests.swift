import DecodingSettings
import Foundation
import PaliGemma
import TestSupport
import Testing

@Suite("Beam search and the scoring of choices")
struct BeamSearchTests {
    private static let end: Int32 = 1

    /// Log-probabilities of eight tokens after some others, made of these alone.
    private static func model(after tokens: [Int32]) -> [Float] {
        let seed = tokens.reduce(17) { ($0 &* 31 &+ UInt64($1)) &* 0x9e37_79b9 &+ 5 }
        var random = SeededGenerator(seed: seed)
        let logits = (0..<8).map { _ in Double.random(in: -2...2, using: &random) }
        let total = log(logits.reduce(0) { $0 + exp($1) })
        return logits.map { Float($0 - total) }
    }

    private static func search(_ settings: BeamSettings, maxTokens: Int) -> [ScoredAnswer] {
        var search = BeamSearch(settings, maxTokens: maxTokens, endTokens: [end])
        while true {
            let best = search.running.map { beam in
                model(after: beam.tokens).enumerated()
                    .map { TokenProbability(token: Int32($0), logProbability: $1) }
                    .sorted { $0.logProbability > $1.logProbability }.prefix(search.tokensOfBeam)
            }
            let before = search.running
            guard let next = search.advance(best.map(Array.init)) else { return search.finished }
            #expect(zip(next, search.running).allSatisfy { $1.tokens == before[$0.parent].tokens + [$0.token] })
        }
    }

    /// All answers of up to some tokens, scored: with as many beams as there can be ways the search finds the best.
    @Test("With enough beams for every continuation the best answers are found", arguments: [0.0, 1.0, -0.5, 2.0])
    func exhaustive(penalty: Double) {
        var all: [ScoredAnswer] = []
        func walk(_ tokens: [Int32], _ sum: Float) {
            for (token, logProbability) in Self.model(after: tokens).enumerated() {
                let length = Float(pow(Double(tokens.count + 1), penalty))
                if token == Self.end {
                    all.append(
                        ScoredAnswer(
                            tokens: tokens, logProbabilities: [], score: (sum + logProbability) / length, isEnded: true)
                    )
                } else if tokens.count == 1 {
                    all.append(
                        ScoredAnswer(
                            tokens: tokens + [Int32(token)], logProbabilities: [],
                            score: (sum + logProbability) / length, isEnded: false))
                } else {
                    walk(tokens + [Int32(token)], sum + logProbability)
                }
            }
        }
        walk([], 0)
        all.sort { $0.score > $1.score }
        let settings = BeamSettings(count: 64, lengthPenalty: penalty, earlyStopping: .never, returned: 8)
        let found = Self.search(settings, maxTokens: 2)
        for (mine, expected) in zip(found.prefix(8), all) {
            #expect(mine.tokens == expected.tokens && mine.isEnded == expected.isEnded)
            #expect(abs(mine.score - expected.score) < 1e-5)
        }
    }

    @Test("There are as many answers as beams, the best first, and their log-probabilities give their scores")
    func scores() {
        for early in BeamSettings.EarlyStopping.allCases {
            for (count, penalty) in [(2, 1.0), (3, 0.0), (5, -1.0), (16, 2.0)] {
                let answers = Self.search(
                    BeamSettings(count: count, lengthPenalty: penalty, earlyStopping: early), maxTokens: 9)
                #expect(answers.count == count)
                #expect(zip(answers, answers.dropFirst()).allSatisfy { $0.score >= $1.score })
                #expect(Set(answers.map(\.tokens)).count >= count - 1)
                for answer in answers {
                    let length = answer.tokens.count + (answer.isEnded ? 1 : 0)
                    let end = answer.isEnded ? Self.model(after: answer.tokens)[Int(Self.end)] : 0
                    let sum = answer.logProbabilities.reduce(end, +)
                    #expect(abs(answer.score - sum / Float(pow(Double(length), penalty))) < 1e-4)
                    #expect(length <= 9)
                }
            }
        }
    }

    @Test("Every node of the choices' prefix tree is fed once, and each choice gets the sum of its path")
    func choices() {
        let choices: [[Int32]] =
            [[2, 3], [2, 3, 4], [2], [5, 6, 7, 2], [5, 6], [0], [5, 6]]
            + (0..<60).map { [3, Int32($0 % 8), 4, Int32($0 / 8)] }
        var scoring = ChoiceScoring(choices, endToken: Self.end)
        // The prefix of each pending row, in the order in which a sequence keeps its rows.
        var waiting: [[Int32]] = []
        var rows: [[Int32]] = [[]]
        var fed: [[Int32]] = []
        while !scoring.isOver {
            #expect(scoring.fed.count == rows.count && rows.count <= Decoding.maximumChoiceRows)
            fed += rows
            let told = rows.indices.map { row in
                scoring.targets(row: row).map { Self.model(after: rows[row])[Int($0)] }
            }
            waiting += scoring.advance(told).map { rows[$0.row] + [$0.token] }
            rows = Array(waiting.suffix(scoring.fed.count))
            waiting.removeLast(rows.count)
        }
        #expect(Set(fed).count == fed.count)
        for (choice, answer) in zip(choices, scoring.answers) {
            let whole = choice + [Self.end]
            let expected = whole.indices.map { Self.model(after: Array(whole[..<$0]))[Int(whole[$0])] }
            #expect(answer.tokens == choice && answer.logProbabilities == Array(expected.dropLast()))
            #expect(abs(answer.score - expected.reduce(0, +)) < 1e-4)
        }
    }
}
