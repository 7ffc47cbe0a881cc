import Base
import PaliGemma
import Shard
import ShardPlan
import Tensor
import WorkerInterface

/// The stages that the plan gives a rank, their weights loaded.
struct RankStages {
    /// What stages are made with.
    struct Context {
        let settings: WorkerSettings
        let parts: ModelParts
        let loop: RankLoop
        let compute: RankCompute
        let thread: StageThread
        let timeline: Timeline?
    }

    /// Encodes pictures; nil on other ranks.
    let vision: VisionStage?
    /// Holds a slice of Gemma; nil on other ranks, as are its group and its features.
    let text: TextStage?
    let group: (any TensorParallelGroup)?
    let features: FeatureStore?

    /// Makes the stages of this rank. All ranks must do so at the same time, for the Gemma ranks form their group.
    ///
    /// - Throws: `ModelError` where the weights cannot be used, `ShardError` where the world is gone, `EnvironmentError`
    ///   where the feature folder cannot be used.
    init(_ context: Context) throws {
        let (plan, rank) = (context.parts.plan, context.loop.rank)
        vision = plan.encodesPictures(rank) ? try Self.vision(context) : nil
        group = try context.loop.makeGroup(
            member: plan.holdsText(rank), link: context.settings.link, team: context.compute.team,
            computeLock: context.compute.lock, timeline: context.timeline)
        if let slice = plan.slice(of: rank), let group {
            let features = FeatureStore(
                context.parts.configuration.vision, computeLock: context.compute.lock, timeline: context.timeline)
            text = try Self.text(context, slice, group, features)
            self.features = features
        } else {
            (text, features) = (nil, nil)
        }
    }

    private static func vision(_ context: Context) throws -> VisionStage {
        let (settings, parts, compute) = (context.settings, context.parts, context.compute)
        let tower = VisionTower(weights: parts.weights, configuration: parts.configuration, team: compute.team)
        try Watchdog.whileLoading(context.loop, limit: settings.watchdog) { try tower.prepareWeights() }
        return VisionStage(
            tower: tower, configuration: parts.configuration.vision, thread: context.thread,
            sender: context.loop.sender,
            codec: settings.link == .bfloat16 && context.loop.size > 1 ? LinkCodec(team: compute.team) : nil,
            cacheBytes: context.compute.budgets.featureCache, folder: try featureFolder(settings, parts),
            adapterFingerprints: parts.adapters.all.map(\.fingerprint), computeLock: compute.lock,
            timeline: context.timeline)
    }

    private static func featureFolder(_ settings: WorkerSettings, _ parts: ModelParts) throws -> FeatureFolder? {
        guard let path = settings.featureFolder else { return nil }
        do {
            return try FeatureFolder(
                path: path, fingerprint: parts.fingerprint.ofFeatures.encoded, limit: settings.featureFolderSize,
                configuration: parts.configuration.vision
            ) { Console.log($0) }
        } catch {
            throw EnvironmentError(description: error.description)
        }
    }

    private static func text(
        _ context: Context, _ slice: TextSlice, _ group: any TensorParallelGroup, _ features: FeatureStore
    ) throws -> TextStage {
        let parts = context.parts
        let gemma = Gemma(
            weights: parts.weights, configuration: parts.configuration, slice: slice, group: group,
            team: context.compute.team, cut: context.compute.prefillCut)
        try Watchdog.whileLoading(context.loop, limit: context.settings.watchdog) { try gemma.prepareWeights() }
        return TextStage(
            gemma: gemma, group: group, features: features, tokensPerPicture: parts.configuration.vision.tokens,
            thread: context.thread, sender: context.loop.sender, timeline: context.timeline)
    }
}
