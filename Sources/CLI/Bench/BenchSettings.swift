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
    var precision: String { world.worker.weights == .int8 ? "int8" : "exact" }

    var coresUsed: Int {
        let cores = ProcessInfo.processInfo.activeProcessorCount
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
    func measureLimits(_ coreType: SgemmCoreType) throws(CommandFailure) -> MachineLimits {
        try MachineLimits(threads: coresUsed, product: largestProduct, coreType: coreType)
    }

    func world(reportingTo report: String) -> WorldSettings {
        var settings = world
        settings.worker.report = report
        return settings
    }
}
