/// What one rank of a tensor-parallel group holds of Gemma. Every slice is a range of the one mapped checkpoint.
package struct TextSlice: Sendable, Equatable {
    /// Query heads that this rank decodes with.
    package var queryHeads: Range<Int>
    /// Columns of the MLP: rows of gate and up, columns of down.
    package var mlp: Range<Int>
    /// Rows of the output head.
    package var vocabulary: Range<Int>

    package init(queryHeads: Range<Int>, mlp: Range<Int>, vocabulary: Range<Int>) {
        self.queryHeads = queryHeads
        self.mlp = mlp
        self.vocabulary = vocabulary
    }

    /// The whole model.
    package init(whole configuration: TextConfiguration) {
        self.init(
            queryHeads: 0..<configuration.heads, mlp: 0..<configuration.mlpWidth,
            vocabulary: 0..<configuration.vocabulary)
    }

    /// The key/value heads that the query heads attend with: these a rank keeps in its cache.
    package func keyValueHeads(_ configuration: TextConfiguration) -> Range<Int> {
        guard !queryHeads.isEmpty else { return 0..<0 }
        let perGroup = configuration.heads / configuration.keyValueHeads
        return queryHeads.lowerBound / perGroup..<(queryHeads.upperBound - 1) / perGroup + 1
    }
}
