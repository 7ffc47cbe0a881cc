import Foundation
import Tensor

/// From the last layer's rows to tokens. Each rank has the logits of its rows of the vocabulary; what crosses the
/// group is, for each sequence, the largest logit, where it is, and the sum of exponentials beside it. All ranks
/// combine the same numbers in the same order, so none can choose another token. Where more is asked for than the most
/// probable token, it travels with these numbers (HeadQuestions.swift).
extension Gemma {
    /// x [B, D] after the last layer: the final norm, the head, and the next token of each sequence: the most probable
    /// one (the lowest id on ties) with its log-probability over the whole vocabulary, or what its decoding makes of them.
    /// The rows are the sequences' lanes, one sequence after the other.
    ///
    /// - Parameter damaged: sequences that this rank saw damaged; they end on all ranks.
    func chooseTokens(
        _ x: MatrixView, for sequences: [Sequence], damaged: Set<Int> = []
    ) throws(CollectiveError) {
        let buffers = decodeBuffers(for: x.rows)
        let (normed, logits) = (buffers.normed(x.rows), buffers.logits(x.rows))
        rmsNorm(x, weights.norm, into: normed)
        linear(normed, weights.head.outputs(slice.vocabulary), into: logits)
        capLogits(logits)
        observer?("logits", logits)

        if sequences.contains(where: { $0.question(row: 0) != nil }) {
            return try answerQuestions(logits, of: sequences, damaged: damaged)
        }
        let (own, first) = (buffers.candidate(x.rows), slice.vocabulary.lowerBound)
        team.run(x.rows) { [kernels] row, _ in
            var candidate = Candidate(logits: logits, row: row, firstToken: first, kernels: kernels)
            candidate.isDamaged = damaged.contains(row)
            candidate.store(in: own, row: row)
        }
        let all = buffers.candidates(group.count * x.rows)
        try group.gatherCopies(of: own, into: all, as: .float32)
        for (row, sequence) in sequences.enumerated() {
            let candidates = (0..<group.count).map { Candidate(all, row: $0 * x.rows + row) }
            if candidates.contains(where: \.isDamaged) {
                sequence.finish = .damaged
                continue
            }
            let (token, logProbability) = Candidate.choose(candidates)
            sequence.append(token, logProbability: logProbability, endToken: endToken)
        }
    }
}

/// What one rank knows of one sequence's next token.
struct Candidate {
    static let width = 4
    /// The largest logit of the rank's rows; −∞ where it has none.
    let logit: Float
    let token: Int32
    /// Sum over the rank's rows of exp(logit − the largest).
    let sum: Float
    /// The rank did not get all of the sequence's features.
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

    /// From a row of numbers as ``store(in:row:)`` writes it; ids below 2²⁴ are exact in float32.
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

    /// The winner over all ranks; the first on ties, which has the lowest id, for ranks hold ascending rows.
    static func choose(_ candidates: [Candidate]) -> (token: Int32, logProbability: Float) {
        var best = candidates[0]
        for candidate in candidates.dropFirst() where candidate.logit > best.logit { best = candidate }
        let total = candidates.reduce(0.0) { total, candidate in
            candidate.sum == 0 ? total : total + Double(candidate.sum) * exp(Double(candidate.logit - best.logit))
        }
        return (best.token, Float(-log(total)))
    }
}
