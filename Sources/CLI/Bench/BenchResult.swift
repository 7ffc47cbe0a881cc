import DecodingSettings
import Foundation
import Tensor

/// All figures of one measurement; the table and the JSON show the same.
///
/// A stage that several ranks share takes the mean of their seconds and the sum of their operations. A share is the time
/// that the work takes at the limit against the time that it took; the limit is the better of what was measured before
/// and after on all cores that the world used.
struct BenchResult: Encodable {
    /// Arithmetic, against the units that the kernels multiply with.
    struct Arithmetic: Encodable {
        let seconds: Double
        /// Two a multiply-add.
        let operations: Double
        let gflops: Double
        let share: Double
    }

    /// Weights read by products with few rows, against plain reads.
    struct Reading: Encodable {
        let seconds: Double
        let bytes: Double
        let gbs: Double
        let share: Double
    }

    struct VisionFigures: Encodable {
        let pictures: Int
        let whole: Arithmetic
        let linear: Arithmetic
        let attention: Arithmetic
        let restSeconds: Double
    }

    struct PrefillFigures: Encodable {
        let rows: Int
        let whole: Arithmetic
        let linear: Arithmetic
        let attention: Arithmetic
        let restSeconds: Double
        /// For features and peers.
        let waitingSeconds: Double
    }

    struct DecodeFigures: Encodable {
        let steps: Int
        let sequencesPerStep: Double
        let stepSeconds: Double
        let whole: Reading
        let linear: Reading
        let attention: Arithmetic
        let restSeconds: Double
        let waitingSeconds: Double
    }

    struct WholeFigures: Encodable {
        let arithmetic: Arithmetic
        let picturesPerSecond: Double
        let pictures: Int
        let tokens: Int
        /// From the start of a rank's process to the first picture's arithmetic.
        let startSeconds: Double
        /// From the start of mpirun to its end.
        let processSeconds: Double
        /// Of the processors' time while the world ran, what others took.
        let shareOfOthers: Double
    }

    struct RankFigures: Encodable {
        let rank: Int
        let stages: [String]
        let threads: Int
        let computingSeconds: Double
        let collectiveWaitSeconds: Double
        let featureWaitSeconds: Double
        let workWaitSeconds: Double
        let processorSeconds: Double
        let sentBytesPerPicture: Double
        let peakMemoryBytes: Double
        let privateMemoryBytes: Double
    }

    let shape: String
    let visionLayers: Int
    let textLayers: Int
    let precision: String
    let newTokens: Int
    let ranks: Int
    let visionRanks: Int
    let processor: String
    let kernels: String
    let date: String
    let vision: VisionFigures
    let prefill: PrefillFigures
    /// Nil where every answer has one token, which comes out of the prefill.
    let decoding: DecodeFigures?
    let whole: WholeFigures
    let rankReports: [RankFigures]
    let limit: LimitFigures

    /// - Parameters:
    ///   - limits: what was measured before and after.
    ///   - coreType: what sgemm was measured with.
    /// - Throws: where the report lacks a counter.
    init(
        settings: BenchSettings, report: BenchReport, limits: [MeasuredLimits], coreType: SgemmCoreType
    ) throws(CommandFailure) {
        let (model, plan) = (settings.model.configuration, settings.world.plan)
        limit = LimitFigures(limits, coreType, settings: settings, kernels: Kernels.current.name)
        let figures = try BenchFigures(report: report, limits: limit.best)
        shape = settings.shape
        visionLayers = model.vision.layers
        textLayers = model.text.layers
        precision = settings.precision
        newTokens = settings.newTokens
        ranks = plan.ranks
        visionRanks = plan.visionRanks
        processor = LocalMachine.processor
        kernels = Kernels.current.name
        date = Date().formatted(.iso8601)
        vision = try figures.vision()
        prefill = try figures.prefill()
        decoding = try figures.decoding()
        whole = try figures.whole(pictures: settings.pictures)
        var rankReports: [RankFigures] = []
        for rank in report.ranks { rankReports.append(try BenchFigures.rank(rank, pictures: settings.pictures)) }
        self.rankReports = rankReports
    }

    var json: String { BenchJSON.text(self) }
}
