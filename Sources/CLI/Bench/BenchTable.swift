import Base
import Foundation
import PaliGemma

/// The figures for people.
struct BenchTable {
    private let result: BenchResult

    init(_ result: BenchResult) { self.result = result }

    var text: String {
        (heading + [""] + work + [""] + ranks + [""] + limit).joined(separator: "\n")
    }

    // MARK: What was measured

    private var heading: [String] {
        let whole = result.whole
        let ranks = result.ranks == 1 ? "one process" : "\(result.ranks) ranks (\(result.visionRanks) for vision)"
        let expected = whole.pictures * result.newTokens
        let ended = whole.tokens == expected ? "" : " (answers ended early: \(whole.tokens) of \(expected) tokens)"
        return [
            "\(result.shape) in \(result.precision) precision, \(result.visionLayers) vision and "
                + "\(result.textLayers.counted("Gemma layer")); \(whole.pictures.counted("picture")), "
                + "\(result.newTokens.counted("new token")) each\(ended)",
            "\(ranks) of \((result.rankReports.first?.threads ?? 1).counted("thread")) on "
                + "\(result.limit.cores.counted("core")) of \(result.processor), \(result.kernels) kernels",
        ]
    }

    // MARK: Where the time goes

    private var work: [String] {
        let (vision, prefill, whole) = (result.vision, result.prefill, result.whole)
        var lines = [
            Self.line("", "seconds", "rate", "", "of the limit", ""),
            arithmetic("vision", vision.whole, vision.pictures.counted("picture")),
            arithmetic("  linear", vision.linear),
            arithmetic("  attention", vision.attention),
            rest("  rest", vision.restSeconds),
            arithmetic("prefill", prefill.whole, prefill.rows.counted("row")),
            arithmetic("  linear", prefill.linear),
            arithmetic("  attention", prefill.attention),
        ]
        lines += rests(prefill.restSeconds, waiting: prefill.waitingSeconds)
        if let decoding = result.decoding {
            let each = String(
                format: ", %.1f ms each, batch %.3g", decoding.stepSeconds * 1000, decoding.sequencesPerStep)
            lines += [
                reading("decoding", decoding.whole, decoding.steps.counted("step") + each),
                reading("  linear", decoding.linear),
                arithmetic("  attention", decoding.attention),
            ]
            lines += rests(decoding.restSeconds, waiting: decoding.waitingSeconds)
        }
        lines.append(
            arithmetic("whole", whole.arithmetic, String(format: "%.3g pictures a second", whole.picturesPerSecond)))
        lines.append(
            rest("start", whole.startSeconds, "from a rank's start to the first picture's arithmetic"))
        return lines
    }

    private func arithmetic(_ label: String, _ figures: BenchResult.Arithmetic, _ note: String = "") -> String {
        let unit = result.precision == "int8" ? "GOP/s" : "GFLOP/s"
        return Self.line(
            label, Self.seconds(figures.seconds), String(format: "%.1f", figures.gflops), unit,
            String(format: "%.2f", figures.share), note)
    }

    private func reading(_ label: String, _ figures: BenchResult.Reading, _ note: String = "") -> String {
        Self.line(
            label, Self.seconds(figures.seconds), String(format: "%.1f", figures.gbs), "GB/s",
            String(format: "%.2f", figures.share), note)
    }

    /// What is neither product nor attention; a world of one waits for nobody.
    private func rests(_ seconds: Double, waiting: Double) -> [String] {
        [rest("  rest", seconds)] + (result.ranks > 1 ? [rest("  waiting", waiting)] : [])
    }

    private func rest(_ label: String, _ seconds: Double, _ note: String = "") -> String {
        Self.line(label, Self.seconds(seconds), "", "", "", note)
    }

    private static func line(
        _ label: String, _ seconds: String, _ rate: String, _ unit: String, _ share: String, _ note: String
    ) -> String {
        let line =
            label.padded(to: 14) + seconds.aligned(to: 9) + rate.aligned(to: 11) + " " + unit.padded(to: 8)
            + share.aligned(to: 12) + (note.isEmpty ? "" : "   " + note)
        return line.trimmingSuffix(" ")
    }

    private static func seconds(_ value: Double) -> String { String(format: "%.3f", value) }

    // MARK: Ranks

    private var ranks: [String] {
        let stages = result.rankReports.map { $0.stages.joined(separator: ", ") }
        let width = max(6, stages.map(\.count).max() ?? 0) + 2
        func line(_ rank: String, _ stages: String, _ columns: [String]) -> String {
            rank.padded(to: 6) + stages.padded(to: width) + columns.map { $0.aligned(to: 12) }.joined()
        }
        let titles = [
            line("", "", ["", "waiting for", "waiting for", "waiting for", "sent a", "peak", "of it"]),
            line("rank", "stage", ["computing", "peers", "features", "work", "picture", "memory", "private"]),
        ]
        return titles
            + zip(result.rankReports, stages).map { rank, stages in
                let times = [
                    rank.computingSeconds, rank.collectiveWaitSeconds, rank.featureWaitSeconds, rank.workWaitSeconds,
                ]
                let sizes = [rank.sentBytesPerPicture, rank.peakMemoryBytes, rank.privateMemoryBytes]
                return line(
                    "\(rank.rank)", stages,
                    times.map { String(format: "%.2f s", $0) } + sizes.map { ByteCount.text(Int($0)) })
            }
    }

    // MARK: The limits

    private var limit: [String] {
        let limit = result.limit
        func line(_ title: String, _ values: [Double], _ unit: String, _ note: String = "") -> String {
            "  " + title.padded(to: 27) + values.map { String(format: "%.1f", $0).aligned(to: 9) }.joined() + " "
                + unit + (note.isEmpty ? "" : "   (\(note))")
        }
        let unit = result.precision == "int8" ? "GOP/s" : "GFLOP/s"
        var lines = [
            "the limits, measured before and after:",
            line("linear layers", limit.linear.rates, unit, limit.linear.unit),
            line("attention", limit.attention.rates, "GFLOP/s", limit.attention.unit),
            line("plain reads of memory", limit.memoryGbs, "GB/s"),
            "beside them:",
            line(
                "sgemm \(limit.rows) x \(limit.inputs) x \(limit.outputs)", limit.sgemmGflops, "GFLOP/s",
                limit.sgemmNote),
        ]
        lines += limit.units.map { line($0.title, $0.rates, "GOP/s") }
        lines += limit.absentUnits.map { "  \($0.title): none, \($0.reason)" }
        if !limit.skippedCoreTypes.isEmpty {
            let skipped = limit.skippedCoreTypes.map { "\($0.coreType) (\($0.reason))" }.joined(separator: ", ")
            lines.append("  OpenBLAS's core types that were not measured: \(skipped)")
        }
        if !limit.quiet {
            lines.append("  The two differ by more than 10 %: the machine was not quiet, and shares may be too low.")
        }
        if result.whole.shareOfOthers > 0.05 {
            let share = Int((100 * result.whole.shareOfOthers).rounded())
            lines.append("  Others took \(share) % of the processors' time while the pictures were captioned.")
        }
        return lines
    }
}
