import PaliGemma

/// What a rank reads and holds, in bytes, as the plan foresees it.
package struct RankMemory: Sendable, Equatable {
    /// Bytes of the checkpoint that this rank reads. The mapping is shared by the ranks of a host, and what several
    /// of them read (attention's weights, the embedding) is in memory once.
    package let weightsRead: Int
    /// Bytes of keys and values for one position of one sequence.
    package let cachePerToken: Int
    /// Float32 buffers for a micro-batch of the given rows.
    package let activations: Int

    /// - Parameters:
    ///   - elementSize: bytes of a stored weight.
    ///   - rows: rows of the largest micro-batch.
    ///   - cut: how prefills are cut among the Gemma ranks.
    package init(
        plan: ShardPlan, rank: Int, configuration: ModelConfiguration, elementSize: Int, rows: Int,
        cut: PrefillCut = PrefillCut()
    ) {
        let (vision, text) = (configuration.vision, configuration.text)
        var (weights, kept, cache, floats) = (0, 0, 0, 0)
        if plan.encodesPictures(rank) {
            let layer = 4 * vision.width * vision.width + 2 * vision.width * vision.mlpWidth
            weights += vision.layers * layer + vision.width * (vision.patchValues + vision.tokens)
            floats +=
                rows * (5 * vision.width + vision.patchValues) + min(rows, 1024) * (vision.width + vision.mlpWidth)
        }
        if let slice = plan.slice(of: rank) {
            let prefill = PrefillRows(total: rows, ranks: plan.textRanks, cut: cut)
            let attention = 2 * text.width * text.queryWidth
            let columns = prefill.split == .rows ? text.mlpWidth : slice.mlp.count
            weights += text.layers * (attention + 3 * text.width * columns)
            weights += slice.vocabulary.count * text.width
            kept += text.layers * 2 * text.width * text.keyValueWidth + vision.width * text.width
            cache = Gemma.cacheBytes(positions: 1, configuration: text, slice: slice)
            let own = (rows + plan.textRanks - 1) / plan.textRanks
            floats += own * (2 * text.width + 2 * text.queryWidth + 2 * text.keyValueWidth + vision.width)
            // As they arrive, and packed for attention.
            floats += 4 * rows * text.keyValueWidth
            if text.hasOutputNorms { floats += prefill.longestChunk(of: rank - plan.firstTextRank) * text.width }
            let parts = Gemma.prefillParts(of: 0..<columns, quantized: elementSize == 1)
            let hidden = parts.map(\.count).max() ?? 0
            switch prefill.split {
            case .rows: floats += prefill.longestChunk(of: rank - plan.firstTextRank) * hidden
            case .columns:
                floats += rows * text.width + prefill.longestBlock * (hidden + 4 * text.width)
            }
        }
        // Of weights of eight bits keys, values and the projector stay as they are stored.
        weightsRead = weights * elementSize + kept * max(2, elementSize)
        cachePerToken = cache
        activations = floats * 4
    }
}
