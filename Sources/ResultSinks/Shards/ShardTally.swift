import Base
import Queue

/// Knows which jobs of which shard have ended.
struct ShardTally {
    /// The jobs of a shard that have ended.
    struct Shard {
        /// The path or address of the shard that the pictures are in.
        let input: String
        var sequences: ClosedRange<Int64>
        /// Whether something has come since the shard was written.
        var isChanged = true
    }

    private var ended = NumberSet()
    /// By the name of the shard that is written.
    private(set) var shards: [ExactText: Shard] = [:]
    /// Jobs whose first picture is in no shard: their number, and the name of the first.
    private(set) var strangers: (count: Int, first: String?) = (0, nil)
    /// The number of jobs whose sequence number is below 1. Queues count from 1; such jobs are in no order.
    private(set) var misnumbered = 0

    /// - Throws: ``SinkError`` with the code `collision` where two shards have one name.
    mutating func add(_ result: JobResult) throws(SinkError) {
        guard result.sequence >= 1 else {
            misnumbered += 1
            return
        }
        ended.insert(result.sequence)
        // A row that made no sense has failed, and has no place.
        if case .failed = result.outcome, result.pictures.isEmpty { return }
        guard let member = result.pictures.first.flatMap({ ShardMember($0.name) }) else {
            strangers = (strangers.count + 1, strangers.first ?? result.id)
            return
        }
        let name = ExactText(member.outputName)
        guard var shard = shards[name] else {
            shards[name] = Shard(input: member.shard, sequences: result.sequence...result.sequence)
            return
        }
        guard shard.input.isExactly(member.shard) else { throw Self.collision(shard.input, member) }
        shard.sequences =
            min(shard.sequences.lowerBound, result.sequence)...max(shard.sequences.upperBound, result.sequence)
        shard.isChanged = true
        shards[name] = shard
    }

    mutating func noteWritten(_ name: ExactText) { shards[name]?.isChanged = false }

    /// Returns the shards that have changed and whose jobs have all ended, as far as that can be known: jobs are submitted shard by
    /// shard, so the jobs before and behind those of a shard belong to others.
    ///
    /// - Parameter isAllDone: whether no job of the queue is to come.
    func complete(isAllDone: Bool) -> [ExactText] {
        shards.filter { _, shard in
            guard shard.isChanged else { return false }
            let (first, last) = (shard.sequences.lowerBound, shard.sequences.upperBound)
            // Behind the last number that there can be, there is no job.
            let next = last == .max ? last : last + 1
            return isAllDone || ended.contains(allOf: max(first - 1, 1)...next)
        }.map(\.key).sorted { $0.text.utf8.lexicographicallyPrecedes($1.text.utf8) }
    }

    static func collision(_ shard: String, _ member: ShardMember) -> SinkError {
        SinkError(
            .collision, at: member.outputName,
            "\(shard) and \(member.shard) have the same name, and so would what is written for them; "
                + "ask about them in runs of their own, each with its folder")
    }
}
