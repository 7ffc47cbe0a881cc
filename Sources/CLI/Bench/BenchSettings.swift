import Base
import Foundation
import Measure
import PaliGemma
import ShardPlan
import WorkerInterface

/// What is measured.
struct BenchSettings {
    /// Rows of the prompt "caption en" and what surrounds it, about.
    static let promptRows = 16

    let shape: String
    let model: RandomModel
    let pictures: Int
    let picturesPerMicroBatch: Int
    let newTokens: Int
    let world: WorldSettings

    /// The name of the precision of linear layers.
    var precision: String { world.worker.precision.rawValue }

    /// Pictures that decode together at most, by the KV cache and by the number of sequences.
    var maximumSequences: Int {
        let model = model.configuration
        let positions = model.vision.tokens + Self.promptRows + newTokens
        let bytes = world.plan.slices.map {
            Gemma.cacheBytes(positions: positions, configuration: model.text, slice: $0)
        }
        let inCache = world.worker.keyValueBudget / max(1, bytes.max() ?? 1)
        return max(1, min(world.worker.sequences, inCache))
    }

    var coresUsed: Int {
        let cores = MachineLimits.current.cores
        return min(cores, world.plan.ranks * (world.worker.threads ?? max(1, cores / world.plan.ranks)))
    }

    /// The rows of a full micro-batch through Gemma's MLP.
    var largestProduct: SgemmLimit.Product {
        let text = model.configuration.text
        return SgemmLimit.Product(
            rows: min(pictures, picturesPerMicroBatch) * model.configuration.vision.tokens, inputs: text.width,
            outputs: text.mlpWidth)
    }

    /// Measures the limits of the cores that the world uses.
    ///
    /// - Throws: ``CommandFailure`` where they cannot be measured.
    func measureLimits(_ coreType: SgemmCoreType) throws(CommandFailure) -> MeasuredLimits {
        try MeasuredLimits(threads: coresUsed, sgemm: (largestProduct, coreType))
    }

    /// - Parameter timeline: where the world writes what its threads did when; nil for nowhere.
    func world(reportingTo report: String, timeline: String? = nil) -> WorldSettings {
        var settings = world
        settings.worker.report = report
        if let timeline { settings.worker.timeline = timeline }
        return settings
    }

}
