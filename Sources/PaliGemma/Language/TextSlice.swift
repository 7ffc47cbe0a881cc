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

/// The rows of a prefill, cut for a group: every rank owns a contiguous share, and each share is cut into as many
/// chunks as there are row blocks. Block b is chunk b of every rank: it is gathered, goes through the MLP and is
/// summed back while its neighbours compute.
package struct PrefillRows: Sendable, Equatable {
    package let total: Int
    package let ranks: Int
    package let blocks: Int

    /// Rows of a block that keep a product efficient and a transfer short beside it.
    package static let blockRows = 1024

    package init(total: Int, ranks: Int, blockRows: Int = Self.blockRows) {
        self.total = total
        self.ranks = ranks
        blocks = max(1, (total + blockRows - 1) / blockRows)
    }

    /// All rows that a rank owns.
    package func owned(by rank: Int) -> Range<Int> {
        total * rank / ranks..<total * (rank + 1) / ranks
    }

    /// Chunk b of a rank, in rows of the whole prefill.
    package func chunk(_ block: Int, of rank: Int) -> Range<Int> {
        let owned = owned(by: rank)
        return owned.lowerBound + owned.count * block / blocks..<owned.lowerBound + owned.count * (block + 1) / blocks
    }

    /// The chunks of a block as they stand one after the other in a buffer of that block.
    package func placed(_ block: Int) -> [Range<Int>] {
        var start = 0
        return (0..<ranks).map { rank in
            defer { start += chunk(block, of: rank).count }
            return start..<start + chunk(block, of: rank).count
        }
    }

    /// The longest block, which sizes its buffers.
    package var longestBlock: Int {
        (0..<blocks).map { block in placed(block).last?.upperBound ?? 0 }.max() ?? 0
    }

    /// The rank that owns a row.
    package func owner(of row: Int) -> Int {
        (0..<ranks).first { owned(by: $0).contains(row) } ?? ranks - 1
    }
}
