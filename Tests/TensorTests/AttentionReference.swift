import Foundation
import Tensor

/// Attention of one query in float64, over all keys at once: softmax(rule(q · kᵀ)) · v.
func attentionInDouble(
    query: [Float], keys: MatrixView, values: MatrixView, scale: Double, cap: Double?
) -> [Double] {
    let scores = (0..<keys.rows).map { row in
        let score = scale * zip(query, keys.values(row: row)).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        return cap.map { $0 * tanh(score / $0) } ?? score
    }
    let largest = scores.max() ?? 0
    let weights = scores.map { exp($0 - largest) }
    let total = weights.reduce(0, +)
    return (0..<values.columns).map { column in
        zip(weights, 0..<values.rows).reduce(0.0) { $0 + $1.0 * Double(values.row($1.1)[column]) } / total
    }
}
