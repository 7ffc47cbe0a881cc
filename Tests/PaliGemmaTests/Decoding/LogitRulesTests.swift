import DecodingSettings
import PaliGemma
import Testing

@Suite("Rules change scores as the logits processors of transformers do")
struct LogitRulesTests {
    /// Returns the scores after the rules, applied to the whole row and in parts of it, which must be the same.
    private func scores(
        _ scores: [Float], prefix: [Int32], answer: [Int32] = [], maxTokens: Int = 10, ends: [Int32] = [1],
        _ set: (inout LogitRules) -> Void
    ) -> [Float] {
        var rules = LogitRules()
        set(&rules)
        let context = LogitRuleContext(prefix: prefix, answer: answer, maxTokens: maxTokens, endTokens: ends)
        func applied(parts: Int) -> [Float] {
            var all = scores
            all.withUnsafeMutableBufferPointer { buffer in
                for part in 0..<parts {
                    let range = buffer.count * part / parts..<buffer.count * (part + 1) / parts
                    rules.apply(
                        to: ScoreSlice(
                            scores: UnsafeMutableBufferPointer(rebasing: buffer[range]), firstToken: range.lowerBound),
                        context)
                }
            }
            return all
        }
        let whole = applied(parts: 1)
        for parts in 2...4 { #expect(applied(parts: parts) == whole) }
        return whole
    }

    private func banned(_ prefix: [Int32], answer: [Int32] = [], _ set: (inout LogitRules) -> Void) -> [Int] {
        let all = scores([Float](repeating: 0, count: 8), prefix: prefix, answer: answer, set)
        return all.indices.filter { all[$0] == -.infinity }
    }

    @Test("A repetition penalty multiplies negative scores and divides others, once for each token")
    func repetition() {
        let result = scores([1, -2, 3, 4, 0.5, -1], prefix: [5, 5], answer: [1, 3]) { $0.repetitionPenalty = 1.25 }
        #expect(result == [1, -2.5, 3, 3.2, 0.5, -1.25])
    }

    @Test("An n-gram that was there is banned, over prompt and answer")
    func ngrams() {
        #expect(banned([7, 1, 2, 3], answer: [1, 2]) { $0.noRepeatNgram = 3 } == [3])
        #expect(banned([7, 1, 2, 3, 1, 2]) { $0.noRepeatNgram = 2 } == [3])
        #expect(banned([7, 1, 2], answer: [3, 1, 2]) { $0.noRepeatNgram = 1 } == [1, 2, 3, 7])
        #expect(banned([4], answer: [4]) { $0.noRepeatNgram = 2 } == [4])
        #expect(banned([4, 4]) { $0.noRepeatNgram = 3 } == [])
        #expect(banned([4, 4]) { $0.noRepeatNgram = .max } == [])
    }

    @Test("An end token grows by its absolute value after the start of the decay")
    func decay() {
        let start = LogitRules.Decay(start: 2, factor: 1.5)
        #expect(scores([0, -2, 1], prefix: [9], answer: [2, 2, 2, 2, 2]) { $0.decay = start } == [0, 2.75, 1])
        #expect(scores([0, -2, 1], prefix: [9], answer: [2, 2]) { $0.decay = start } == [0, -2, 1])
    }

    @Test("Biases, bad words, lengths, forced ends and suppressed tokens act where they should")
    func others() {
        let biases: [LogitRules.Bias] = [
            .init(tokens: [2], bias: 5), .init(tokens: [2], bias: 1), .init(tokens: [4, 2], bias: 2),
            .init(tokens: [3, 2], bias: 100), .init(tokens: [9, 4, 3], bias: -7),
            .init(tokens: [1, 9, 4, 3], bias: 50),
        ]
        #expect(scores([0, 0, 0, 0], prefix: [9], answer: [4]) { $0.biases = biases } == [0, 0, 3, -7])
        #expect(banned([9], answer: [4]) { $0.badWords = [[3], [1], [4, 5], [9, 4, 6], [8, 4, 7]] } == [3, 5, 6])
        #expect(banned([9, 9], answer: [4]) { $0.minimumLength = 4 } == [1])
        #expect(banned([9, 9], answer: [4, 4]) { $0.minimumLength = 4 } == [])
        #expect(banned([9, 9], answer: [4, 4]) { $0.minimumNewTokens = 3 } == [1])
        #expect(banned([9]) { $0.suppressedFirst = [0, 7] } == [0, 7])
        #expect(
            banned([9], answer: [4]) {
                $0.suppressedFirst = [0, 7]
                $0.suppressed = [2, 900]
            } == [2])
        let last = [Int32](repeating: 4, count: 9)
        #expect(banned([9], answer: last) { $0.forcedEnd = [1, 3] } == [0, 2, 4, 5, 6, 7])
        #expect(
            scores([-5, .nan, .infinity], prefix: [9]) { $0.removesInvalid = true }
                == [-5, 0, Float.greatestFiniteMagnitude])
    }
}
