import Base
import Foundation
import Measure
import Tensor

/// The steady state of a stream of pictures; the text and the JSON show the same.
struct SteadyResult: Encodable {
    let shape: String
    let visionLayers: Int
    let textLayers: Int
    let precision: String
    let newTokens: Int
    let ranks: Int
    let visionRanks: Int
    let threads: Int
    let batchRows: Int
    let picturesPerMicroBatch: Int
    /// Pictures that decode together at most.
    let maximumSequences: Int
    let processor: String
    let kernels: String
    let date: String
    let steady: SteadyState
    /// Of the rank that used most, with the checkpoint's pages, which the ranks of a host share.
    let peakMemoryBytes: Double
    /// Of the processors' time while the world ran, what others took.
    let shareOfOthers: Double

    init(_ settings: BenchSettings, _ state: SteadyState, _ report: BenchReport) {
        let (model, plan, worker) = (settings.model.configuration, settings.world.plan, settings.world.worker)
        shape = settings.shape
        (visionLayers, textLayers) = (model.vision.layers, model.text.layers)
        precision = settings.precision
        newTokens = settings.newTokens
        (ranks, visionRanks) = (plan.ranks, plan.visionRanks)
        threads = settings.coresUsed
        batchRows = worker.effectiveBatchRows
        picturesPerMicroBatch = settings.picturesPerMicroBatch
        maximumSequences = settings.maximumSequences
        processor = LocalMachine.processor
        kernels = Kernels.current.name
        date = Date().formatted(.iso8601)
        steady = state
        peakMemoryBytes = report.ranks.map(\.peakMemoryBytes).max() ?? 0
        shareOfOthers = report.shareOfOthers
    }

    var text: String {
        func percent(_ share: Double) -> String { "\(Int((100 * share).rounded())) %" }
        let ranks = self.ranks == 1 ? "one process" : "\(self.ranks) ranks (\(visionRanks) for vision)"
        let lines = [
            "\(shape) in \(precision) precision, \(visionLayers) vision and \(textLayers) Gemma layers; "
                + "\(newTokens.counted("new token")) a picture",
            "\(ranks) on \(threads.counted("core")) of \(processor), \(kernels) kernels",
            "micro-batches of \(batchRows.counted("row")) (\(picturesPerMicroBatch.counted("picture"))), "
                + "at most \(maximumSequences.counted("sequence"))",
            "",
            String(
                format: "steady state      %.0f pictures an hour (%d in %.0f s)", steady.picturesPerHour,
                steady.pictures, steady.seconds),
            String(
                format: "sequences         %.1f decode together, on average over the steps", steady.sequencesPerStep),
            "a rank's time     vision \(percent(steady.visionShare)), prefill \(percent(steady.prefillShare)), "
                + "decoding \(percent(steady.decodeShare))",
            "peak memory       \(ByteCount.text(Int(peakMemoryBytes))) of a rank, the checkpoint's pages included",
        ]
        let others = "Others took \(percent(shareOfOthers)) of the processors' time while the pictures were captioned."
        return (lines + (shareOfOthers > 0.05 ? [others] : [])).joined(separator: "\n")
    }

    var json: String { BenchJSON.text(self) }
}
