import Base
import Shard
import ShardPlan

/// The ranks of this world on this rank's host.
struct RankHost {
    /// Words in which a rank tells the cores that it may run on: more than any kernel is built for.
    private static let maskWords = 128

    /// This rank among them, from 0.
    let rank: Int
    /// Their ranks in the world.
    let ranks: [Int]
    /// The cores that each of them may run on.
    let masks: [CoreSet]

    /// Asks the ranks of this host; all ranks of the world must do so at the same time.
    ///
    /// - Throws: `ShardError` where the world is gone.
    init(_ loop: RankLoop, _ launch: Launch) throws {
        let own = [UInt64(loop.rank)] + launch.cores.words(count: Self.maskWords)
        let host = try loop.gatherOnHost(own)
        rank = host.rank
        ranks = host.words.map { Int(truncatingIfNeeded: $0[0]) }
        masks = host.words.map { CoreSet(words: Array($0.dropFirst())) }
    }
}
