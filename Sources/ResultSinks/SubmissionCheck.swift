import Base
import Queue

/// What an output asks of the jobs before they are submitted.
package struct SubmissionCheck {
    private let format: ResultFormat
    private var sidecars: SidecarPlan?
    /// The input shard of each shard that will be written.
    private var shards: [ExactText: String] = [:]

    package init(_ options: SinkOptions) {
        format = options.format
        guard format == .txt else { return }
        let folder: String? = if case .folder(let folder) = options.place { folder } else { nil }
        sidecars = SidecarPlan(options.sidecar, folder: folder)
    }

    /// The number of jobs that were passed over because their text is there.
    package var skipped: Int { sidecars?.skipped ?? 0 }

    /// Decides about a job, before it is submitted.
    ///
    /// - Throws: ``SinkError`` where two answers would get one place (`collision`), or an answer none (`bad_place`, `is_input`).
    package mutating func decide(_ job: Job) throws(SinkError) -> SidecarPlan.Decision {
        if format == .webdataset, job.fault == nil { try check(job) }
        return try sidecars?.decide(job) ?? .submit
    }

    private mutating func check(_ job: Job) throws(SinkError) {
        guard let picture = job.images.first, let member = ShardMember(picture.name) else {
            throw SinkError(
                .badPlace, at: job.images.first?.name ?? job.id,
                "the format webdataset mirrors tar shards, and this picture is in none; use --format txt or jsonl")
        }
        let other = shards.updateValue(member.shard, forKey: ExactText(member.outputName))
        if let other, !other.isExactly(member.shard) { throw ShardTally.collision(other, member) }
    }
}
