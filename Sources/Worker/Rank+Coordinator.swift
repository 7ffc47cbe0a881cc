import Base
import Coordinator
import Fetch
import Foundation
import Hub
import PaliGemma
import Pictures
import Queue
import Shard
import ShardPlan
import WorkerInterface

extension Rank {
    /// Makes the Coordinator on rank 0, as soon as every rank can work. All ranks must call this at the same time.
    ///
    /// - Throws: `QueueError` where the queue cannot be used or belongs to another model, `ShardError` where the world is
    ///   gone.
    static func coordinator(_ context: RankStages.Context, _ launch: Launch) throws -> Coordinator? {
        // A server may have to be waited for. This is done while no watchdog waits for rank 0's heartbeats.
        let queue = context.loop.rank == 0 ? try queue(of: context.settings, context.parts) : nil
        // No job is leased before every rank can work on it.
        _ = try context.loop.allAgree(true)
        return try queue.map { try coordinator($0, context, launch) }
    }

    private static func queue(of settings: WorkerSettings, _ parts: ModelParts) throws -> any JobQueue {
        let queue = try openQueue(settings.queue, timeout: .seconds(60), diskTimeout: .seconds(300))
        do throws(QueueError) {
            try queue.adopt(fingerprint: parts.fingerprint.encoded, modelName: parts.name)
        } catch {
            guard case .otherModel(let name, let known, let offered) = error,
                !known.contains("(\(ModelFingerprint.version)-")
            else { throw error }
            throw QueueError.otherModel(
                queue: name, belongsTo: known,
                offered:
                    "\(offered): the queue's fingerprint is of an older version of this software, which covered a "
                    + "part of the weights only; finish its jobs with that version, or submit them to a new queue")
        }
        return queue
    }

    private static func coordinator(
        _ queue: any JobQueue, _ context: RankStages.Context, _ launch: Launch
    ) throws(QueueError) -> Coordinator {
        let (settings, parts, sender) = (context.settings, context.parts, context.loop.sender)
        let (text, budgets) = (parts.configuration.text, context.compute.budgets)
        let bytes = parts.plan.slices.map { Gemma.cacheBytes(positions: 1, configuration: text, slice: $0) }
        let limits = Schedule.Limits(
            visionRanks: parts.plan.visionRanks, batchRows: budgets.batchRows,
            typicalRows: parts.configuration.vision.tokens + 16, cacheBytesPerPosition: bytes.max() ?? 0,
            cacheBytes: budgets.keyValueBudget, sequences: settings.sequences)
        let owner = settings.worldName ?? "\(launch.host):\(launch.processID)"
        let record = WorldRecord(
            owner: owner, host: launch.host, ranks: parts.plan.ranks, visionRanks: parts.plan.visionRanks,
            model: ModelLocation.nameWithoutRevision(of: parts.checkpoint.directory), adapters: parts.adapters.names,
            maximumPositions: parts.configuration.text.context,
            started: Int(Date().timeIntervalSince1970))
        return try Coordinator(
            queue: queue,
            openChannel: { receive throws(QueueError) in
                // A world that ends when the queue is empty asks it all the time, and has no need to be called.
                try Queue.openChannel(ofQueue: settings.queue, as: settings.drain ? nil : .worlds, receive: receive)
            }, plan: parts.plan, configuration: parts.configuration, limits: limits,
            tokenizer: parts.tokenizer, adapters: parts.adapters,
            settings: Coordinator.Settings(
                drain: settings.drain, lease: .seconds(settings.leaseSeconds), owner: owner, record: record,
                drainTimeout: .seconds(settings.drainTimeout), resize: settings.resize,
                image: settings.imageOptions,
                pictureBudget: PictureBudget(
                    bytes: budgets.plan.pictureBytes, largest: budgets.plan.largestPictureBytes),
                pictureRoot: settings.pictureRoot, fetching: settings.fetching),
            sender: sender, wake: { sender.wake() }, timeline: context.timeline)
    }
}

extension WorkerSettings {
    /// How pictures are fetched from servers.
    fileprivate var fetching: FetchSettings {
        var fetching = FetchSettings()
        fetching.addresses = self.blocksPrivate ? .publicOnly : .any
        fetching.ignoresRobotsTag = self.ignoresRobotsTag
        // The queue tries a job again after pauses that outlast a failing network.
        fetching.retries = 1
        fetching.report = { Console.log($0) }
        return fetching
    }
}
