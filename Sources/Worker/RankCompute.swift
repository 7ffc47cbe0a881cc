import PaliGemma
import Shard
import Tensor
import WorkerInterface

/// The compute threads of a rank, and how they share the cores of the host with those of other ranks.
struct RankCompute {
    let threads: Int
    let team: ThreadTeam
    /// Lets the ranks of a host compute one after the other; nil where each has cores of its own.
    let lock: HostComputeLock?
    /// Whether every compute thread of the host has a core of its own.
    let hasCorePerThread: Bool
    /// How Gemma ranks share a prefill.
    let prefillCut: PrefillCut

    /// Settles it with the other ranks, all of which must do so at the same time.
    ///
    /// - Throws: `ShardError` where the world is gone.
    init(_ settings: WorkerSettings, _ parts: ModelParts, _ loop: RankLoop, _ launch: Launch) throws {
        threads = settings.threads ?? launch.threads()
        hasCorePerThread = launch.localRanks * threads <= launch.cores
        let sharesCores = launch.sharesCores(threads: threads)
        // A thread that waits spins only where that takes no core from another one.
        team = ThreadTeam(count: threads, spins: hasCorePerThread || sharesCores ? 2000 : 0)
        lock = sharesCores ? loop.makeComputeLock(for: team) : nil
        let byRows = settings.prefill.map { $0 == .rows } ?? Launch.hasMemory(for: parts.weights.text.bytes)
        prefillCut = PrefillCut(
            split: try loop.allAgree(byRows) ? .rows : .columns, overlaps: try !loop.allAgree(lock != nil))
    }
}
