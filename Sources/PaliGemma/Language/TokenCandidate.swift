import Foundation
import Tensor

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
        // Rules may forbid every token of the part.
        sum = value == -.infinity ? 0 : Float(kernels.sumExp(logits, row: row, maximum: value))
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
