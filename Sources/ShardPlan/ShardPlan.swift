import PaliGemma

/// How the work of a world is divided among its N ranks: the first ranks encode pictures, the others hold Gemma
/// together, and a world of one does both.
///
///     -n 1   rank 0: Coordinator, vision and Gemma
///     -n 4   rank 0: Coordinator and vision      ranks 1, 2, 3: Gemma, three ways
///
/// It depends on the model's dimensions and the number of ranks alone, so that every rank and every command agrees.
package struct ShardPlan: Sendable, Equatable {
    package let ranks: Int
    package let visionRanks: Int
    /// What each Gemma rank holds, in the order of their ranks.
    package let slices: [TextSlice]

    /// The maximum number of ranks of one world. Beyond it, more worlds on the same queue serve better than a wider
    /// one.
    package static let maximumRanks = 16

    /// - Parameters:
    ///   - visionRanks: How many of the ranks encode pictures; by default as many as make both stages equally long.
    ///   - typicalTokens: The length of a typical answer, in tokens, which weighs Gemma's stage.
    /// - Throws: ``PlanError`` for a number of ranks that no plan exists for.
    package init(
        ranks: Int, configuration: ModelConfiguration, visionRanks: Int? = nil, typicalTokens: Int = 20
    ) throws(PlanError) {
        guard ranks >= 1, ranks <= Self.maximumRanks else {
            throw PlanError(
                "a world has 1 to \(Self.maximumRanks) ranks, not \(ranks); start more worlds on the same queue")
        }
        if let visionRanks {
            guard ranks == 1 ? visionRanks == 1 : visionRanks >= 1 && visionRanks < ranks else {
                throw PlanError("\(visionRanks) vision ranks of \(ranks): at least one rank is needed for each stage")
            }
        }
        self.ranks = ranks
        let vision = visionRanks ?? Self.balancedVisionRanks(ranks, configuration, typicalTokens)
        self.visionRanks = vision
        slices = Self.slices(of: configuration.text, ranks: ranks == 1 ? 1 : ranks - vision)
    }

    package var textRanks: Int { slices.count }
    /// The first rank that holds a part of Gemma.
    package var firstTextRank: Int { ranks == 1 ? 0 : visionRanks }

    package func encodesPictures(_ rank: Int) -> Bool { rank < visionRanks }
    package func holdsText(_ rank: Int) -> Bool { rank >= firstTextRank }

    /// Returns what a rank holds of Gemma, or nil for a rank that only encodes pictures.
    package func slice(of rank: Int) -> TextSlice? {
        holdsText(rank) ? slices[rank - firstTextRank] : nil
    }

    /// Returns which Gemma rank owns which rows of a prefill; they are numbered from 0 here.
    ///
    /// - Parameter rows: The rows of the whole prefill.
    package func rowOwnership(ofPrefill rows: Int) -> RowOwnership { RowOwnership(total: rows, ranks: textRanks) }

    /// Returns the number of vision ranks for which the longer stage is shortest; the fewest on ties.
    private static func balancedVisionRanks(
        _ ranks: Int, _ configuration: ModelConfiguration, _ typicalTokens: Int
    ) -> Int {
        guard ranks > 2 else { return 1 }
        let rows = configuration.vision.tokens + 16
        let vision = Work.vision(configuration.vision)
        let text =
            Work.prefill(rows: rows, configuration.text)
            + Double(typicalTokens) * Work.decode(keys: rows, configuration.text)
        func longerStage(_ count: Int) -> Double { max(vision / Double(count), text / Double(ranks - count)) }
        return (1..<ranks).min { longerStage($0) < longerStage($1) } ?? 1
    }

    /// Divides query heads as evenly as whole heads allow, MLP columns so that heads and columns together weigh the
    /// same on every rank, and vocabulary rows evenly. Any dimension may divide unevenly, or leave a rank with none of
    /// something.
    private static func slices(of text: TextConfiguration, ranks: Int) -> [TextSlice] {
        let heads = shares(of: text.heads, weights: Array(repeating: 1, count: ranks), multiple: 1)
        // Weights of one head's query and output against those of one MLP column (gate, up, down).
        let headCost = 2 * Double(text.headWidth) / 3
        let total = Double(text.heads) * headCost + Double(text.mlpWidth)
        let wanted = heads.map { max(0, total / Double(ranks) - Double($0.count) * headCost) }
        let columns = shares(of: text.mlpWidth, weights: wanted, multiple: columnMultiple(text.mlpWidth, ranks))
        let rows = shares(
            of: text.vocabulary, weights: Array(repeating: 1, count: ranks),
            multiple: columnMultiple(text.vocabulary, ranks))
        return (0..<ranks).map { TextSlice(queryHeads: heads[$0], mlp: columns[$0], vocabulary: rows[$0]) }
    }

    /// Returns whole register tiles where there are many columns; small widths are cut anywhere.
    private static func columnMultiple(_ width: Int, _ ranks: Int) -> Int {
        width >= ranks * 512 ? 32 : 1
    }

    /// Cuts 0..<total into consecutive ranges in proportion to weights, at multiples of `multiple`.
    private static func shares(of total: Int, weights: [Double], multiple: Int) -> [Range<Int>] {
        let sum = weights.reduce(0, +)
        let even = sum <= 0
        var ranges: [Range<Int>] = []
        var seen = 0.0
        for weight in weights {
            seen += even ? 1 / Double(weights.count) : weight / sum
            let start = ranges.last?.upperBound ?? 0
            let cut = Int((seen * Double(total) / Double(multiple)).rounded(.up)) * multiple
            let end = ranges.count == weights.count - 1 ? total : min(total, max(start, cut))
            ranges.append(start..<end)
        }
        return ranges
    }
}
