import PaliGemma
import ShardPlan

/// What a run would do: pictures, bytes, the plan and what each rank would hold.
struct RunForecast {
    let settings: WorldSettings
    let submission: Submission
    /// Bytes of a stored weight.
    let elementSize: Int

    /// - Throws: `ModelError` where the checkpoint cannot be used.
    init(settings: WorldSettings, submission: Submission) throws {
        self.settings = settings
        self.submission = submission
        let stored = PlanReport.elementSize(of: try Checkpoint(directory: settings.worker.model))
        elementSize = settings.worker.precision == .int8 ? 1 : stored
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
        lines += PlanReport.lines(plan: settings.plan, configuration: settings.configuration, elementSize: elementSize)
        return lines.joined(separator: "\n")
    }
}
