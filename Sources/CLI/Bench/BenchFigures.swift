import PaliGemma
import Tensor

/// The arithmetic of figures: reports in, rows of the table out.
struct BenchFigures {
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
        let seconds = mean("prefill_seconds", textRanks)
        return BenchResult.Prefill(
            rows: Int(mean("prefill_rows", textRanks)),
            whole: arithmetic(linear.operations + attention.operations, in: seconds), linear: linear,
            attention: attention, restSeconds: max(0, seconds - linear.seconds - attention.seconds - waiting),
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
            processSeconds: report.processSeconds, shareOfOthers: report.shareOfOthers)
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
