import Tensor
import WorkerInterface

/// The arithmetic of figures: reports in, rows of the table out.
struct BenchFigures {
    let report: BenchReport
    /// The limits, in GFLOP/s and GB/s.
    let sgemm: Double
    let memory: Double

    /// Ranks that encoded a picture.
    private let visionRanks: [BenchReport.RankCounters]
    /// Ranks that hold Gemma.
    private let textRanks: [BenchReport.RankCounters]

    /// - Throws: where the report lacks a counter.
    init(report: BenchReport, sgemm: Double, memory: Double) throws(CommandFailure) {
        self.report = report
        self.sgemm = sgemm
        self.memory = memory
        var encoders: [BenchReport.RankCounters] = []
        for rank in report.ranks where try rank.value(.encodedPictures) > 0 { encoders.append(rank) }
        visionRanks = encoders
        textRanks = report.ranks.filter { $0.stages.contains(.text) }
    }

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

    private func sum(_ counter: ReportCounter, _ ranks: [BenchReport.RankCounters]) throws(CommandFailure) -> Double {
        var sum = 0.0
        for rank in ranks { sum += try rank.value(counter) }
        return sum
    }

    private func mean(_ counter: ReportCounter, _ ranks: [BenchReport.RankCounters]) throws(CommandFailure) -> Double {
        ranks.isEmpty ? 0 : try sum(counter, ranks) / Double(ranks.count)
    }

    private func part(
        _ phase: OperationMeter.Phase, _ kind: OperationMeter.Kind, _ ranks: [BenchReport.RankCounters]
    ) throws(CommandFailure) -> BenchResult.Arithmetic {
        arithmetic(try sum(.operations(phase, kind), ranks), in: try mean(.seconds(phase, kind), ranks))
    }

    func vision() throws(CommandFailure) -> BenchResult.VisionFigures {
        let linear = try part(.vision, .linear, visionRanks)
        let attention = try part(.vision, .attention, visionRanks)
        let seconds = try mean(.encodeSeconds, visionRanks)
        return BenchResult.VisionFigures(
            pictures: Int(try sum(.encodedPictures, visionRanks)),
            whole: arithmetic(linear.operations + attention.operations, in: seconds), linear: linear,
            attention: attention, restSeconds: max(0, seconds - linear.seconds - attention.seconds))
    }

    func prefill() throws(CommandFailure) -> BenchResult.PrefillFigures {
        let linear = try part(.prefill, .linear, textRanks)
        let attention = try part(.prefill, .attention, textRanks)
        let waiting = try mean(.prefillWaitingSeconds, textRanks)
        let seconds = try mean(.prefillSeconds, textRanks)
        return BenchResult.PrefillFigures(
            rows: Int(try mean(.prefillRows, textRanks)),
            whole: arithmetic(linear.operations + attention.operations, in: seconds), linear: linear,
            attention: attention, restSeconds: max(0, seconds - linear.seconds - attention.seconds - waiting),
            waitingSeconds: waiting)
    }

    /// - Returns: nil where every answer has one token, which comes out of the prefill.
    func decoding() throws(CommandFailure) -> BenchResult.DecodeFigures? {
        let steps = try mean(.decodeSteps, textRanks)
        guard steps > 0 else { return nil }
        let linear = reading(
            try sum(.weightBytes(.decode, .linear), textRanks), in: try mean(.seconds(.decode, .linear), textRanks))
        let attention = try part(.decode, .attention, textRanks)
        let waiting = try mean(.decodeWaitingSeconds, textRanks)
        let seconds = try mean(.decodeSeconds, textRanks)
        return BenchResult.DecodeFigures(
            steps: Int(steps), sequencesPerStep: try mean(.decodedTokens, textRanks) / steps,
            stepSeconds: seconds / steps, whole: reading(linear.bytes, in: seconds), linear: linear,
            attention: attention, restSeconds: max(0, seconds - linear.seconds - attention.seconds - waiting),
            waitingSeconds: waiting)
    }

    func whole(pictures: Int) throws(CommandFailure) -> BenchResult.WholeFigures {
        var (operations, start) = (0.0, Double.infinity)
        for phase in OperationMeter.Phase.allCases {
            for kind in OperationMeter.Kind.allCases { operations += try sum(.operations(phase, kind), report.ranks) }
        }
        for rank in visionRanks { start = min(start, try rank.value(.startToEncodeSeconds)) }
        return BenchResult.WholeFigures(
            arithmetic: arithmetic(operations, in: report.seconds),
            picturesPerSecond: report.seconds > 0 ? Double(pictures) / report.seconds : 0, pictures: pictures,
            tokens: report.tokens, startSeconds: start.isFinite ? start : 0, processSeconds: report.processSeconds,
            shareOfOthers: report.shareOfOthers)
    }

    static func rank(_ rank: BenchReport.RankCounters, pictures: Int) throws(CommandFailure) -> BenchResult.RankFigures
    {
        let busy = try rank.value(.encodeSeconds) + rank.value(.prefillSeconds) + rank.value(.decodeSeconds)
        let (peers, features) = (try rank.value(.collectiveWaitSeconds), try rank.value(.featureWaitSeconds))
        let sent = try rank.value(.framesSentBytes) + rank.value(.collectiveSentBytes)
        return BenchResult.RankFigures(
            rank: rank.number, stages: rank.stages.map { $0 == .vision ? "vision" : "Gemma" },
            threads: Int(try rank.value(.threads)), computingSeconds: max(0, busy - peers - features),
            collectiveWaitSeconds: peers, featureWaitSeconds: features,
            workWaitSeconds: try rank.value(.waitingForWorkSeconds),
            processorSeconds: try rank.value(.processorSeconds), sentBytesPerPicture: sent / Double(pictures),
            peakMemoryBytes: rank.peakMemoryBytes, privateMemoryBytes: try rank.value(.privateMemoryBytes))
    }
}
