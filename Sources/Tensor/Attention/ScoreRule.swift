/// What becomes of a score q · k before the softmax: scaled, and with Gemma 2 capped, cap · tanh(scaled / cap).
package struct ScoreRule: Sendable, Equatable {
    package let scale: Float
    /// Nil for scores that grow as they like.
    package let cap: Float?

    package init(scale: Float, cap: Float? = nil) {
        self.scale = scale
        self.cap = cap
    }

    /// Caps scores where they are to be capped.
    ///
    /// - Returns: the factor that is left for the softmax to multiply them with.
    func apply(to scores: MatrixView, kernels: Kernels) -> Float {
        guard let cap else { return scale }
        for row in 0..<scores.rows { kernels.table.pointee.soft_cap(scores.row(row), scores.columns, scale, cap) }
        return 1
    }
}
