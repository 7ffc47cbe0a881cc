import Foundation
import Tensor

/// The output head, vocabulary parallel: from the last layer's rows to tokens.
///
///     h [B, D]              = norm(x)
///     logits [B, own V]     = cap(h · W_headᵀ)
///     candidate [B, 4]      = the largest own logit, its token, the sum of exponentials beside it       all-gathered
///
/// All ranks combine the same numbers in the same order, so none can choose another token. Where more is needed than the most
/// probable token, it travels with these numbers (LogitRequests.swift).
extension Gemma {
    /// Appends the next token to each sequence: the most probable one (the lowest id on ties) with its log-probability over the
    /// whole vocabulary, or what the sequence's decoding makes of the logits.
    ///
    /// - Parameters:
    ///   - step: x after the last layer; its rows are those of the sequences, one sequence after the other.
    ///   - damaged: indices of the sequences that this rank saw damaged; they end on all ranks.
    func chooseTokens(
        _ step: DecodeStep, for sequences: [Sequence], damaged: Set<Int> = []
    ) throws(CollectiveError) {
        let (x, normed, buffers) = (step.x, step.normed, step.buffers)
        let logits = buffers.logits(x.rows)
        rmsNorm(x, weights.norm, into: normed)
        linear(normed, weights.head.outputs(slice.vocabulary), into: logits, context: step.context.withoutAdapters)
        capLogits(logits)
        onActivation?(.logits, logits)

        if sequences.contains(where: { $0.logitRequest(row: 0) != nil }) {
            return try answerLogitRequests(logits, of: sequences, damaged: damaged)
        }
        let (own, first) = (buffers.candidate(x.rows), slice.vocabulary.lowerBound)
        team.run(x.rows) { [kernels] row, _ in
            var candidate = TokenCandidate(logits: logits, row: row, firstToken: first, kernels: kernels)
            candidate.isDamaged = damaged.contains(row)
            candidate.store(in: own, row: row)
        }
        let all = buffers.candidates(group.count * x.rows)
        try group.allGatherCopies(of: own, into: all, as: .float32)
        for (row, sequence) in sequences.enumerated() {
            let candidates = (0..<group.count).map { TokenCandidate(all, row: $0 * x.rows + row) }
            if candidates.contains(where: \.isDamaged) {
                sequence.finish = .damaged
                continue
            }
            let (token, logProbability) = TokenCandidate.choose(candidates)
            sequence.append(token, logProbability: logProbability, endToken: endToken)
        }
    }
}

/// What one rank knows of the next token of a row.
struct TokenCandidate {
    static let width = 4
    /// The largest logit of the rank's part of the vocabulary; −∞ where it has none.
    let logit: Float
    let token: Int32
    /// The sum over the rank's part of the vocabulary of exp(logit − the largest).
    let sum: Float
    /// Whether the rank did not get all of the sequence's features.
    var isDamaged = false

    init(logits: MatrixView, row: Int, firstToken: Int, kernels: Kernels) {
        guard logits.columns > 0 else {
            (logit, token, sum) = (-.infinity, 0, 0)
            return
        }
        let (index, value) = kernels.argMax(logits, row: row)
        logit = value
        token = Int32(firstToken + index)
        sum = Float(kernels.sumExp(logits, row: row, maximum: value))
    }

    /// Reads a row of numbers as ``store(in:row:)`` writes it; ids below 2²⁴ are exact in float32.
    init(_ matrix: MatrixView, row: Int) {
        let values = matrix.values(row: row)
        logit = values[0]
        token = Int32(values[1])
        sum = values[2]
        isDamaged = values[3] != 0
    }

    func store(in matrix: MatrixView, row: Int) {
        let values = matrix.row(row)
        values[0] = logit
        values[1] = Float(token)
        values[2] = sum
        values[3] = isDamaged ? 1 : 0
    }

    /// Returns the most probable token over all ranks; of equal ones the first, which has the lowest id, because ranks hold
    /// ascending parts of the vocabulary.
    static func choose(_ candidates: [TokenCandidate]) -> (token: Int32, logProbability: Float) {
        var best = candidates[0]
        for candidate in candidates.dropFirst() where candidate.logit > best.logit { best = candidate }
        let total = candidates.reduce(0.0) { total, candidate in
            candidate.sum == 0 ? total : total + Double(candidate.sum) * exp(Double(candidate.logit - best.logit))
        }
        return (best.token, Float(-log(total)))
    }
}
