import Tensor
import WorkerInterface

/// The arithmetic of figures: reports in, rows of the table out.
struct BenchFigures {
    let report: BenchReport
    let limits: Limits

    /// Ranks that encoded a picture.
    private let visionRanks: [BenchReport.RankCounters]
    /// Ranks that hold Gemma.
    private let textRanks: [BenchReport.RankCounters]

    /// What each kind of work is compared with.
    struct Limits {
        /// Billions of operations a second of products with weights.
        let linear: Double
        /// Billions of operations a second of attention.
        let attention: Double
        /// GB/s of plain reads.
        let memory: Double

        /// Returns the seconds that some work takes at the limit.
        func seconds(_ kind: OperationMeter.Kind, _ operations: Double) -> Double {
            let rate = kind == .linear ? linear : attention
            return rate > 0 ? operations / rate / 1e9 : 0
        }
    }

    /// - Throws: where the report lacks a counter.
    init(report: BenchReport, limits: Limits) throws(CommandFailure) {
        self.report = report
        self.limits = limits
        var encoders: [BenchReport.RankCounters] = []
        for rank in report.ranks where try rank.value(.encodedPictures) > 0 { encoders.append(rank) }
        visionRanks = encoders
        textRanks = report.ranks.filter { $0.stages.contains(.text) }
    }

    /// - Parameter atLimit: the seconds that the operations take at the limit.
    private func arithmetic(
        _ operations: Double, atLimit: Double, in seconds: Double
    ) -> BenchResult.Arithmetic {
        BenchResult.Arithmetic(
            seconds: seconds, operations: operations, gflops: seconds > 0 ? operations / seconds / 1e9 : 0,
            share: seconds > 0 ? atLimit / seconds : 0)
    }

    /// The whole of a stage, whose limit is made of those of its parts.
    private func whole(
        _ linear: BenchResult.Arithmetic, _ attention: BenchResult.Arithmetic, in seconds: Double
    ) -> BenchResult.Arithmetic {
        let atLimit =
            limits.seconds(.linear, linear.operations) + limits.seconds(.attention, attention.operations)
        return arithmetic(linear.operations + attention.operations, atLimit: atLimit, in: seconds)
    }

    private func reading(_ bytes: Double, in seconds: Double) -> BenchResult.Reading {
        let rate = seconds > 0 ? bytes / seconds / 1e9 : 0
        return BenchResult.Reading(
            seconds: seconds, bytes: bytes, gbs: rate, share: limits.memory > 0 ? rate / limits.memory : 0)
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
        let operations = try sum(.operations(phase, kind), ranks)
        return arithmetic(
            operations, atLimit: limits.seconds(kind, operations), in: try mean(.seconds(phase, kind), ranks))
    }

    func vision() throws(CommandFailure) -> BenchResult.VisionFigures {
        let linear = try part(.vision, .linear, visionRanks)
        let attention = try part(.vision, .attention, visionRanks)
        let seconds = try mean(.encodeSeconds, visionRanks)
        return BenchResult.VisionFigures(
            pictures: Int(try sum(.encodedPictures, visionRanks)),
            whole: whole(linear, attention, in: seconds), linear: linear, attention: attention,
            restSeconds: max(0, seconds - linear.seconds - attention.seconds))
    }

    func prefill() throws(CommandFailure) -> BenchResult.PrefillFigures {
        let linear = try part(.prefill, .linear, textRanks)
        let attention = try part(.prefill, .attention, textRanks)
        let waiting = try mean(.prefillWaitingSeconds, textRanks)
        let seconds = try mean(.prefillSeconds, textRanks)
        return BenchResult.PrefillFigures(
            rows: Int(try mean(.prefillRows, textRanks)),
            whole: whole(linear, attention, in: seconds), linear: linear, attention: attention,
            restSeconds: max(0, seconds - linear.seconds - attention.seconds - waiting), waitingSeconds: waiting)
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

    /// All work together. At the limit, decoding takes the time of reading its weights.
    func whole(pictures: Int) throws(CommandFailure) -> BenchResult.WholeFigures {
        var (operations, atLimit, start) = (0.0, 0.0, Double.infinity)
        for phase in OperationMeter.Phase.allCases {
            for kind in OperationMeter.Kind.allCases {
                let part = try sum(.operations(phase, kind), report.ranks)
                operations += part
                guard phase == .decode, kind == .linear else {
                    atLimit += limits.seconds(kind, part)
                    continue
                }
                let bytes = try sum(.weightBytes(phase, kind), report.ranks)
                if limits.memory > 0 { atLimit += max(bytes / limits.memory / 1e9, limits.seconds(kind, part)) }
            }
        }
        for rank in visionRanks { start = min(start, try rank.value(.startToEncodeSeconds)) }
        return BenchResult.WholeFigures(
            arithmetic: arithmetic(operations, atLimit: atLimit, in: report.seconds),
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
