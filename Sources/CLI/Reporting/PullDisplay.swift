import Foundation
import Hub
import Queue
import WorkerInterface

/// Shows how far a pull is, as a bar on a terminal; elsewhere nothing.
struct PullDisplay {
    /// Bytes that had arrived and when, over the last seconds.
    private var history: [(time: ContinuousClock.Instant, fetched: Int64)] = []

    private static let window = Duration.seconds(10)

    mutating func show(_ progress: PullProgress) {
        guard Console.isTerminal, progress.total > 0 else { return }
        let now = ContinuousClock.now
        history.append((now, progress.fetched))
        while history.count > 2, history[1].time < now - Self.window { history.removeFirst() }
        let text = Self.text(
            have: progress.have, total: progress.total, rate: rate, isWaiting: progress.isWaiting)
        let part = Double(progress.have) / Double(progress.total)
        Console.showProgressBar(ProgressDisplay.bar(part: part, text: text, width: Console.width))
    }

    func end() { Console.showProgressBar("") }

    /// Bytes a second; nil before the second one.
    private var rate: Double? {
        guard let first = history.first, let last = history.last, last.fetched > first.fetched else { return nil }
        return Double(last.fetched - first.fetched) / (last.time - first.time).inSeconds
    }

    package static func text(have: Int64, total: Int64, rate: Double?, isWaiting: Bool) -> String {
        var text = "\(ByteCount.text(Int(have))) of \(ByteCount.text(Int(total)))"
        if let rate, rate > 0 {
            text += "  \(ByteCount.text(Int(rate)))/s"
            if have < total { text += "  \(ProgressDisplay.time(Double(total - have) / rate)) left" }
        } else if isWaiting {
            text += "  another process fetches it"
        }
        return text
    }
}
