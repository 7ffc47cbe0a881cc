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

    func measureLimits() throws -> BenchResult.Limits {
        let best = try MachineLimit.measure(
            [.sgemm(largestProduct), .memory], threads: coresUsed, seconds: 2.5, beside: .current)
        return (sgemm: best[0], memory: best[1].rate)
    }

    func world(reportingTo report: String) -> WorldSettings {
        var settings = world
        settings.worker.report = report
        return settings
    }
}
