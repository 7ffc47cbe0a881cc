import Tensor

/// What Gemma 2 has beyond Gemma 1, except the norms behind attention and MLP (``TextLayerWeights``).
extension TextConfiguration {
    /// Scores are scaled by 1 / √(query_pre_attn_scalar), which need not be the heads' width, and capped.
    var scoreRule: ScoreRule { ScoreRule(scale: 1 / queryScalar.squareRoot(), cap: attentionSoftCap) }

    /// Returns the positions that the one at `position` attends to. A prefix sees all of itself in every layer; behind it a
    /// layer with a sliding window sees the last positions only, its own included.
    func keys(seenFrom position: Int, prefix: Int, layer: Int) -> Range<Int> {
        guard let window, position >= prefix, window.layers.contains(layer) else { return 0..<position + 1 }
        return max(0, position + 1 - window.positions)..<position + 1
    }
}

extension Gemma {
    /// logits [B, own V] = cap · tanh(logits / cap), where the model caps them. The order of the logits stays; the
    /// log-probabilities change.
    func capLogits(_ logits: MatrixView) {
        guard let cap = configuration.finalSoftCap else { return }
        let pieces = (logits.columns + 8191) / 8192
        team.run(logits.rows * pieces) { [kernels] task, _ in
            let (row, piece) = (task / pieces, task % pieces)
            let columns = logits.columns * piece / pieces..<logits.columns * (piece + 1) / pieces
            kernels.table.pointee.soft_cap(logits.row(row) + columns.lowerBound, columns.count, 1, cap)
        }
    }
}
