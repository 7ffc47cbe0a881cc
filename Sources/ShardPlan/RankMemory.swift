import PaliGemma

/// The memory that a rank will need by the plan, in bytes.
package struct RankMemory: Sendable, Equatable {
    /// The bytes of the checkpoint that this rank reads. The mapping is shared by the ranks of a host, so what several
    /// of them read (attention's weights, the embedding) is in memory once.
    package let weightsRead: Int
    /// The bytes of the KV cache for one position of one sequence.
    package let cachePerToken: Int
    /// The bytes of the float32 buffers for a micro-batch of the given rows.
    package let activations: Int

    /// Returns the bytes of Gemma's weights, as a rank that reads all of them does.
    ///
    /// - Parameter elementSize: The bytes of a stored weight.
    package static func textWeights(_ text: TextConfiguration, elementSize: Int) -> Int {
        let layer = 2 * text.width * text.queryWidth + 3 * text.width * text.mlpWidth
        let kept = text.layers * 2 * text.width * text.keyValueWidth
        return (text.layers * layer + text.vocabulary * text.width) * elementSize + kept * max(2, elementSize)
    }

    /// - Parameters:
    ///   - elementSize: The bytes of a stored weight.
    ///   - rows: The rows of the largest micro-batch.
    ///   - cut: How prefills are cut among the Gemma ranks.
    package init(
        plan: ShardPlan, rank: Int, configuration: ModelConfiguration, elementSize: Int, rows: Int,
        cut: PrefillCut = PrefillCut()
    ) {
        let (vision, text) = (configuration.vision, configuration.text)
        var (weights, kept, cache, floats) = (0, 0, 0, 0)
        // The input of a product as tiles have it: three parts of two bytes for each float32.
        func arranged(_ numbers: Int) -> Int { numbers * 3 / 2 }
        if plan.encodesPictures(rank) {
            let layer = 4 * vision.width * vision.width + 2 * vision.width * vision.mlpWidth
            weights += vision.layers * layer + vision.width * (vision.patchValues + vision.tokens)
            floats +=
                rows * (5 * vision.width + vision.patchValues) + min(rows, 1024) * (vision.width + vision.mlpWidth)
            floats += arranged(max(rows * max(vision.width, vision.patchValues), min(rows, 1024) * vision.mlpWidth))
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
            floats += arranged(prefill.longestChunk(of: rank - plan.firstTextRank) * max(text.width, hidden))
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
