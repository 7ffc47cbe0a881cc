import PaliGemma
import ShardPlan

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
