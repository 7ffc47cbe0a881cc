import DecodingSettings
import Foundation

/// What rules know of a sequence at a step.
package struct LogitRuleContext: Sendable {
    /// The tokens of the prefix: those of the pictures, then the text's.
    let prefix: [Int32]
    /// The tokens of the answer so far.
    let answer: [Int32]
    /// The maximum number of tokens of the answer.
    let maxTokens: Int
    let endTokens: [Int32]

    package init(prefix: [Int32], answer: [Int32], maxTokens: Int, endTokens: [Int32]) {
        self.prefix = prefix
        self.answer = answer
        self.maxTokens = maxTokens
        self.endTokens = endTokens
    }

    /// The number of all ids.
    var count: Int { prefix.count + answer.count }

    /// The id at a place, from the end: 0 is the last one.
    func id(fromEnd place: Int) -> Int32 {
        place < answer.count ? answer[answer.count - 1 - place] : prefix[count - 1 - place]
    }

    func id(at index: Int) -> Int32 { index < prefix.count ? prefix[index] : answer[index - prefix.count] }

    /// Returns whether the ids end with some tokens.
    func endsWith(_ tokens: ArraySlice<Int32>) -> Bool {
        tokens.count <= count && zip(0..., tokens.reversed()).allSatisfy { id(fromEnd: $0) == $1 }
    }
}

/// A rank's part of a row of scores: own V float32, and the token of the first.
package struct ScoreSlice {
    let scores: UnsafeMutableBufferPointer<Float>
    let firstToken: Int

    package init(scores: UnsafeMutableBufferPointer<Float>, firstToken: Int) {
        self.scores = scores
        self.firstToken = firstToken
    }

    /// Changes the score of a token, where the rank has it.
    func change(_ token: Int32, _ body: (Float) -> Float) {
        let column = Int(token) - firstToken
        guard scores.indices.contains(column) else { return }
        scores[column] = body(scores[column])
    }

    func ban(_ token: Int32) { change(token) { _ in -.infinity } }
}

extension LogitRules {
    /// Applies the rules to a rank's part of a row of scores: logits, or in a beam search log-probabilities.
    ///
    /// The order is that of transformers' logits processors.
    package func apply(to slice: ScoreSlice, _ context: LogitRuleContext) {
        addBiases(to: slice, context)
        penalizeRepetition(in: slice, context)
        banRepeatedNgrams(in: slice, context)
        banWords(in: slice, context)
        if context.count < minimumLength || context.answer.count < minimumNewTokens {
            for token in context.endTokens { slice.ban(token) }
        }
        if !forcedEnd.isEmpty, context.answer.count == context.maxTokens - 1 {
            slice.scores.update(repeating: -.infinity)
            for token in forcedEnd { slice.change(token) { _ in 0 } }
        }
        if removesInvalid { removeInvalid(in: slice) }
        raiseEnds(in: slice, context)
        for token in suppressed { slice.ban(token) }
        if context.answer.isEmpty {
            for token in suppressedFirst { slice.ban(token) }
        }
    }

    private func addBiases(to slice: ScoreSlice, _ context: LogitRuleContext) {
        guard !biases.isEmpty else { return }
        // All that apply to a token are added up first; of several for one token alone the last counts.
        var (alone, sums): ([Int32: Float], [Int32: Float]) = ([:], [:])
        for bias in biases where bias.tokens.count == 1 { alone[bias.tokens[0]] = bias.bias }
        for bias in biases where bias.tokens.count > 1 {
            guard let last = bias.tokens.last, context.endsWith(bias.tokens.dropLast()) else { continue }
            sums[last, default: alone[last] ?? 0] += bias.bias
        }
        for (token, bias) in alone.merging(sums, uniquingKeysWith: { _, sum in sum }) {
            slice.change(token) { $0 + bias }
        }
    }

    private func penalizeRepetition(in slice: ScoreSlice, _ context: LogitRuleContext) {
        guard repetitionPenalty != 1 else { return }
        let penalty = Float(repetitionPenalty)
        for token in Set(context.prefix).union(context.answer) {
            slice.change(token) { $0 < 0 ? $0 * penalty : $0 / penalty }
        }
    }

    private func banRepeatedNgrams(in slice: ScoreSlice, _ context: LogitRuleContext) {
        let (length, count) = (noRepeatNgram, context.count)
        guard length > 0, length <= count else { return }
        for start in 0...count - length {
            let isRepeated = (0..<length - 1).allSatisfy { place in
                context.id(at: start + place) == context.id(at: count - length + 1 + place)
            }
            if isRepeated { slice.ban(context.id(at: start + length - 1)) }
        }
    }

    private func banWords(in slice: ScoreSlice, _ context: LogitRuleContext) {
        for word in badWords {
            guard let last = word.last else { continue }
            // An end token alone is no bad word: it would forbid every end.
            if word.count == 1, context.endTokens.contains(last) { continue }
            if context.endsWith(word.dropLast()) { slice.ban(last) }
        }
    }

    private func removeInvalid(in slice: ScoreSlice) {
        let largest = Float.greatestFiniteMagnitude
        for column in slice.scores.indices {
            let score = slice.scores[column]
            slice.scores[column] = score.isNaN ? 0 : min(max(score, -largest), largest)
        }
    }

    private func raiseEnds(in slice: ScoreSlice, _ context: LogitRuleContext) {
        guard let decay, context.answer.count > decay.start else { return }
        let growth = Float(pow(decay.factor, Double(context.answer.count - decay.start)) - 1)
        for token in Set(context.endTokens) {
            slice.change(token) { $0.isFinite ? $0 + abs($0) * growth : $0 }
        }
    }
}
