import Base
import PaliGemma
import Shard
import ShardPlan
import Tensor
import WorkerInterface

/// The compute threads of a rank, and what it gets of the cores and the memory of its host, which it shares with other
/// ranks.
struct RankCompute {
    let threads: Int
    let team: ThreadTeam
    /// Lets the ranks of a host compute one after the other; nil where each has cores of its own.
    let lock: HostComputeLock?
    /// Whether every compute thread of the host has a core of its own.
    let hasCorePerThread: Bool
    /// How Gemma ranks share a prefill.
    let prefillCut: PrefillCut
    let budgets: RankBudgets

    /// Settles it with the other ranks, all of which must do so at the same time.
    ///
    /// - Throws: `ShardError` where the world is gone.
    init(_ settings: WorkerSettings, _ parts: ModelParts, _ loop: RankLoop, _ launch: Launch) throws {
        let host = try RankHost(loop, launch)
        let share = CoreShare(
            rank: host.rank, masks: host.masks, quota: launch.machine.quotaCores, threads: settings.threads)
        (threads, hasCorePerThread) = (share.threads, share.hasCorePerThread)
        // A thread that waits spins only where that takes no core from another one.
        team = ThreadTeam(count: threads, spins: hasCorePerThread || share.takesTurns ? 2000 : 0)
        lock = share.takesTurns ? loop.makeComputeLock(for: team) : nil
        let memory = MemoryPlan.Host(
            memory: launch.machine.memory, ranks: host.ranks, plan: parts.plan, configuration: parts.configuration,
            elementSize: parts.checkpoint.elementSize(in: settings.precision), checkpoint: parts.checkpoint.byteCount)
        let byRows = settings.prefill.map { $0 == .rows } ?? memory.keepsTextWeights
        prefillCut = PrefillCut(
            split: try loop.allAgree(byRows) ? .rows : .columns, overlaps: try !loop.allAgree(lock != nil))
        budgets = try RankBudgets(settings, parts, loop, memory, prefillCut)
    }
}
