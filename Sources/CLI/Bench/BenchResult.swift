import Foundation
import PaliGemma

/// All figures of one measurement; the table and the JSON show the same.
///
/// A stage that several ranks share takes the mean of their seconds and the sum of their operations. A share is of
/// the best that was measured before and after on all cores that the world used.
struct BenchResult: Encodable {
    /// Arithmetic, against sgemm.
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

    struct Vision: Encodable {
        let pictures: Int
        let whole: Arithmetic
        let linear: Arithmetic
        let attention: Arithmetic
        let restSeconds: Double
    }

    struct Prefill: Encodable {
        let rows: Int
        /// What it waited for features and peers is not counted in the whole.
        let whole: Arithmetic
        let linear: Arithmetic
        let attention: Arithmetic
        let restSeconds: Double
        let waitingSeconds: Double
    }

    struct Decoding: Encodable {
        let steps: Int
        let sequencesPerStep: Double
        let stepSeconds: Double
        let whole: Reading
        let linear: Reading
        let attention: Arithmetic
        let restSeconds: Double
        let waitingSeconds: Double
    }

    struct Whole: Encodable {
        let arithmetic: Arithmetic
        let picturesPerSecond: Double
        let pictures: Int
        let tokens: Int
        /// From the start of a rank's process to the first picture's arithmetic.
        let startSeconds: Double
        /// From the start of mpirun to its end.
        let processSeconds: Double
    }

    struct Rank: Encodable {
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

    struct Limit: Encodable {
        let rows: Int
        let inputs: Int
        let outputs: Int
        let cores: Int
        /// Before and after.
        let sgemmGflops: [Double]
        let sgemmHow: [String]
        let memoryGbs: [Double]
        /// The two measurements agree to 10 %.
        let quiet: Bool
    }

    let shape: String
    let visionLayers: Int
    let textLayers: Int
    let weights: String
    let newTokens: Int
    let ranks: Int
    let visionRanks: Int
    let processor: String
    let kernels: String
    let date: String
    let vision: Vision
    let prefill: Prefill
    /// Nil where every answer has one token, which comes out of the prefill.
    let decoding: Decoding?
    let whole: Whole
    let rankReports: [Rank]
    let limit: Limit

    init(settings: BenchSettings, report: BenchReport, ceilings: [Ceiling]) {
        let (model, plan) = (settings.model.configuration, settings.world.plan)
        let figures = BenchFigures(
            report: report, sgemm: ceilings.map(\.sgemm).max() ?? 0, memory: ceilings.map(\.memory).max() ?? 0)
        shape = settings.shape
        visionLayers = model.vision.layers
        textLayers = model.text.layers
        weights = settings.weights.rawValue
        newTokens = settings.newTokens
        ranks = plan.ranks
        visionRanks = plan.visionRanks
        processor = LocalMachine.processor
        kernels = Kernels.current.name
        date = Date().formatted(.iso8601)
        vision = figures.vision
        prefill = figures.prefill
        decoding = figures.decoding
        whole = figures.whole(pictures: settings.pictures)
        rankReports = report.ranks.map { BenchFigures.rank($0, pictures: settings.pictures) }
        let product = settings.largestProduct
        limit = Limit(
            rows: product.rows, inputs: product.inputs, outputs: product.outputs, cores: settings.coresUsed,
            sgemmGflops: ceilings.map(\.sgemm), sgemmHow: ceilings.map(\.how), memoryGbs: ceilings.map(\.memory),
            quiet: Self.agree(ceilings.map(\.sgemm)) && Self.agree(ceilings.map(\.memory)))
    }

    private static func agree(_ values: [Double]) -> Bool {
        guard let least = values.min(), let most = values.max() else { return true }
        return most <= 1.1 * least
    }

    var json: String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return ((try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) }) ?? "{}"
    }
}

/// The arithmetic of figures: reports in, rows of the table out.
private struct BenchFigures {
    let report: BenchReport
    /// The ceilings, in GFLOP/s and GB/s.
    let sgemm: Double
    let memory: Double

    private var visionRanks: [BenchReport.Rank] { report.ranks.filter { $0["encode_seconds"] > 0 } }
    private var textRanks: [BenchReport.Rank] { report.ranks.filter { $0["prefill_seconds"] > 0 } }

    private func arithmetic(_ operations: Double, in seconds: Double) -> BenchResult.Arithmetic {
        let rate = seconds > 0 ? operations / seconds / 1e9 : 0
        return BenchResult.Arithmetic(
            seconds: seconds, operations: operations, gflops: rate, share: sgemm > 0 ? rate / sgemm : 0)
    }

    private func reading(_ bytes: Double, in seconds: Double) -> BenchResult.Reading {
        let rate = seconds > 0 ? bytes / seconds / 1e9 : 0
        return BenchResult.Reading(
            seconds: seconds, bytes: bytes, gbs: rate, share: memory > 0 ? rate / memory : 0)
    }

    private func sum(_ counter: String) -> Double { report.ranks.reduce(0) { $0 + $1[counter] } }

    private func mean(_ counter: String, _ ranks: [BenchReport.Rank]) -> Double {
        ranks.isEmpty ? 0 : ranks.reduce(0) { $0 + $1[counter] } / Double(ranks.count)
    }

    private func part(
        _ phase: OperationMeter.Phase, _ kind: OperationMeter.Kind, _ ranks: [BenchReport.Rank]
    ) -> BenchResult.Arithmetic {
        arithmetic(sum("\(phase)_\(kind)_operations"), in: mean("\(phase)_\(kind)_seconds", ranks))
    }

    var vision: BenchResult.Vision {
        let linear = part(.vision, .linear, visionRanks)
        let attention = part(.vision, .attention, visionRanks)
        let seconds = mean("encode_seconds", visionRanks)
        return BenchResult.Vision(
            pictures: Int(sum("encoded_pictures")),
            whole: arithmetic(linear.operations + attention.operations, in: seconds), linear: linear,
            attention: attention, restSeconds: max(0, seconds - linear.seconds - attention.seconds))
    }

    var prefill: BenchResult.Prefill {
        let linear = part(.prefill, .linear, textRanks)
        let attention = part(.prefill, .attention, textRanks)
        let waiting = mean("prefill_waiting_seconds", textRanks)
        let seconds = mean("prefill_seconds", textRanks) - waiting
        return BenchResult.Prefill(
            rows: Int(mean("prefill_rows", textRanks)),
            whole: arithmetic(linear.operations + attention.operations, in: seconds), linear: linear,
            attention: attention, restSeconds: max(0, seconds - linear.seconds - attention.seconds),
            waitingSeconds: waiting)
    }

    var decoding: BenchResult.Decoding? {
        let steps = mean("decode_steps", textRanks)
        guard steps > 0 else { return nil }
        let linear = reading(sum("decode_linear_weight_bytes"), in: mean("decode_linear_seconds", textRanks))
        let attention = part(.decode, .attention, textRanks)
        let waiting = mean("decode_waiting_seconds", textRanks)
        let seconds = mean("decode_seconds", textRanks)
        return BenchResult.Decoding(
            steps: Int(steps), sequencesPerStep: mean("decoded_tokens", textRanks) / steps,
            stepSeconds: seconds / steps, whole: reading(linear.bytes, in: seconds), linear: linear,
            attention: attention, restSeconds: max(0, seconds - linear.seconds - attention.seconds - waiting),
            waitingSeconds: waiting)
    }

    func whole(pictures: Int) -> BenchResult.Whole {
        let operations = OperationMeter.Phase.allCases.reduce(0) { total, phase in
            OperationMeter.Kind.allCases.reduce(total) { $0 + sum("\(phase)_\($1)_operations") }
        }
        return BenchResult.Whole(
            arithmetic: arithmetic(operations, in: report.seconds),
            picturesPerSecond: report.seconds > 0 ? Double(pictures) / report.seconds : 0, pictures: pictures,
            tokens: report.tokens, startSeconds: visionRanks.map { $0["start_to_encode_seconds"] }.min() ?? 0,
            processSeconds: report.processSeconds)
    }

    static func rank(_ rank: BenchReport.Rank, pictures: Int) -> BenchResult.Rank {
        let busy = rank["encode_seconds"] + rank["prefill_seconds"] + rank["decode_seconds"]
        let (peers, features) = (rank["collective_wait_seconds"], rank["feature_wait_seconds"])
        let stages = [("vision", "encode_seconds"), ("Gemma", "prefill_seconds")]
        return BenchResult.Rank(
            rank: rank.number, stages: stages.filter { rank.has($0.1) }.map(\.0), threads: Int(rank["threads"]),
            computingSeconds: max(0, busy - peers - features), collectiveWaitSeconds: peers,
            featureWaitSeconds: features, workWaitSeconds: rank["waiting_for_work_seconds"],
            processorSeconds: rank["processor_seconds"],
            sentBytesPerPicture: (rank["frames_sent_bytes"] + rank["collective_sent_bytes"]) / Double(pictures),
            peakMemoryBytes: rank["peak_memory_bytes"], privateMemoryBytes: rank["private_memory_bytes"])
    }
}

extension LocalMachine {
    /// The processor's name, as the kernel has it.
    static var processor: String {
        let text = FileManager.default.contents(atPath: "/proc/cpuinfo").map { String(decoding: $0, as: UTF8.self) }
        let line = (text ?? "").split(separator: "\n").first { $0.hasPrefix("model name") }
        let name = line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
        return name ?? "unknown processor"
    }
}
