/// The rows of a prefill, cut for a group. Every rank owns consecutive rows, which are cut into as many chunks as there are
/// blocks. Block b is chunk b of every rank: what its rows need of other ranks is transferred while other blocks are
/// computed.
package struct PrefillRows: Sendable, Equatable {
    package let total: Int
    package let ranks: Int
    package let split: PrefillCut.Split
    package let blocks: Int
    /// Where chunks end, in parts of a rank's rows.
    private let ends: [Int]

    package init(total: Int, ranks: Int, cut: PrefillCut = PrefillCut()) {
        self.total = total
        self.ranks = ranks
        let own = (total + ranks - 1) / ranks
        split = ranks == 1 || own >= cut.minimumRows ? (ranks == 1 ? .rows : cut.split) : .columns
        switch split {
        case .columns:
            ends = Array(1...max(1, (total + cut.blockRows - 1) / cut.blockRows))
        case .rows:
            let even = max(1, (own + cut.blockRows / 2) / cut.blockRows)
            // Keys and values of the last chunk have little to travel under, so it is short.
            let isCut = cut.overlaps && ranks > 1 && even == 1 && own > cut.blockRows * 3 / 8
            ends = isCut ? [3, 4] : Array(1...even)
        }
        blocks = ends.count
    }

    /// Which rank owns which rows.
    private var ownership: RowOwnership { RowOwnership(total: total, ranks: ranks) }

    /// Returns all rows that a rank owns.
    package func owned(by rank: Int) -> Range<Int> { ownership.owned(by: rank) }

    /// Returns chunk `block` of a rank, as rows of the whole prefill.
    package func chunk(_ block: Int, of rank: Int) -> Range<Int> {
        let owned = owned(by: rank)
        func end(_ block: Int) -> Int {
            owned.lowerBound + (block < 0 ? 0 : owned.count * ends[block] / ends[blocks - 1])
        }
        return end(block - 1)..<end(block)
    }

    /// Returns where the ranks' chunks of a block stand in a buffer of that block, one after the other.
    package func placed(_ block: Int) -> [Range<Int>] {
        var start = 0
        return (0..<ranks).map { rank in
            defer { start += chunk(block, of: rank).count }
            return start..<start + chunk(block, of: rank).count
        }
    }

    /// Returns the number of rows of a block.
    package func rows(of block: Int) -> Int { placed(block).last?.upperBound ?? 0 }

    /// The number of rows of the longest block.
    package var longestBlock: Int { (0..<blocks).map(rows(of:)).max() ?? 0 }

    /// Returns the number of rows of a rank's longest chunk.
    package func longestChunk(of rank: Int) -> Int { (0..<blocks).map { chunk($0, of: rank).count }.max() ?? 0 }

    /// Returns the rank that owns a row.
    package func owner(of row: Int) -> Int { ownership.owner(of: row) }
}
