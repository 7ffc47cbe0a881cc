import Coordinator
import Foundation
import PaliGemma
import ShardPlan
import WorkerInterface

/// A line now and then on stderr, for logs; a progress bar is the business of `paligemma run`.
struct ProgressLines {
    private static let interval = 30.0
    private var last = Date()

    mutating func update(_ progress: Coordinator.Progress) {
        guard -last.timeIntervalSinceNow >= Self.interval else { return }
        last = Date()
        Console.log("\(progress.answered) answered, \(progress.failed) failed")
    }

    func finish(_ progress: Coordinator.Progress, seconds: Double) {
        let rate = seconds > 0 ? Double(progress.pictures) / seconds : 0
        Console.log(
            "done: \(progress.answered) answered, \(progress.failed) failed in \(Self.text(seconds)) s"
                + (progress.pictures > 0 ? ", \(Self.text(rate)) pictures/s" : ""))
    }

    private static func text(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.1f", value) }
}

extension ShardPlan {
    /// Describes in one line which rank does what.
    func summary(_ parts: ModelParts, threads: Int, sharesCores: Bool) -> String {
        let model = "\(parts.name), \(parts.configuration.vision.imageSize) px"
        let each =
            (threads == 1 ? "1 thread a rank" : "\(threads) threads a rank")
            + (sharesCores ? ", one rank at a time" : "")
        if ranks == 1 { return "\(model): one rank does everything, \(each)" }
        let vision = visionRanks == 1 ? "rank 0 encodes pictures" : "ranks 0-\(visionRanks - 1) encode pictures"
        let text =
            textRanks == 1
            ? "rank \(firstTextRank) holds Gemma" : "ranks \(firstTextRank)-\(ranks - 1) hold Gemma together"
        return "\(model): \(vision), \(text), \(each)"
    }
}
