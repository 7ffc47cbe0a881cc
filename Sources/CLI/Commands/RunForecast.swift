import Base
import PaliGemma
import ShardPlan

/// What a run would do: pictures, bytes, the plan and what each rank would hold.
struct RunForecast {
    let settings: WorldSettings
    let submission: Submission
    private let checkpoint: Checkpoint
    private let machine = MachineLimits.current

    /// - Throws: `ModelError` where the checkpoint cannot be used.
    init(settings: WorldSettings, submission: Submission) throws {
        self.settings = settings
        self.submission = submission
        checkpoint = try Checkpoint(directory: settings.worker.model)
    }

    var text: String {
        let faults = submission.faults > 0 ? ", \(submission.faults) described wrongly" : ""
        var lines = [
            PlanReport.row("jobs", "\(submission.summary.added)\(faults)"),
            PlanReport.row("pictures", "\(submission.pictures), \(ByteCount.text(Int(submission.bytes)))"),
            PlanReport.row(
                "model",
                settings.worker.model
                    + (settings.worker.precision == .exact ? "" : ", --precision \(settings.worker.precision.rawValue)")
            ),
        ]
        let cut = PrefillCut(split: split)
        lines += PlanReport.lines(about: machine) + [memory(cut)]
        lines += PlanReport.lines(
            plan: settings.plan, configuration: settings.configuration, elementSize: elementSize, split: split)
        return lines.joined(separator: "\n")
    }

    /// Bytes of a stored weight.
    private var elementSize: Int { checkpoint.elementSize(in: settings.worker.precision) }

    /// All ranks, which are on this machine.
    private var host: MemoryPlan.Host {
        MemoryPlan.Host(
            memory: machine.memory, ranks: Array(0..<settings.plan.ranks), plan: settings.plan,
            configuration: settings.configuration, elementSize: elementSize, checkpoint: checkpoint.byteCount)
    }

    private var split: PrefillCut.Split { settings.worker.prefill ?? (host.keepsTextWeights ? .rows : .columns) }

    /// What the ranks will take of the memory: what was asked for, or what it allows.
    private func memory(_ cut: PrefillCut) -> String {
        let worker = settings.worker
        let maxima = MemoryPlan.Maxima(
            keyValueBudget: worker.keyValueBudget, featureCache: worker.featureCache,
            batchRows: worker.effectiveBatchRows)
        let plans = (0..<settings.plan.ranks).map { rank in
            MemoryPlan(
                host, maxima, rank: rank, of: settings.plan, configuration: settings.configuration,
                elementSize: elementSize, cut: cut)
        }
        func smallest(_ path: KeyPath<MemoryPlan, Int>, _ isGiven: Bool, _ wanted: Int) -> Int {
            isGiven ? wanted : plans.map { $0[keyPath: path] }.min() ?? wanted
        }
        let cache = smallest(\.keyValueBudget, worker.isGiven(\.keyValueBudget), worker.keyValueBudget)
        let features = smallest(\.featureCache, worker.isGiven(\.featureCache), worker.featureCache)
        let rows = smallest(\.batchRows, worker.isGiven(\.batchRows), worker.effectiveBatchRows)
        return PlanReport.row(
            "memory",
            "prefills by \(split.rawValue), \(ByteCount.text(cache)) of KV cache a rank, \(ByteCount.text(features)) "
                + "of feature cache, \(rows.counted("row")) a micro-batch")
    }
}
