import Foundation
import Queue
import WorkerInterface

/// Shows how far the work is: a bar on a terminal, elsewhere a line now and then.
package struct ProgressDisplay {
    /// Finished jobs and when, over the last minute: the speed now, not that of the start.
    private var history: [(time: ContinuousClock.Instant, finished: Int)] = []
    private var lastLine: ContinuousClock.Instant?

    private static let window = Duration.seconds(60)
    private static let pauseBetweenLines = Duration.seconds(30)

    mutating func show(_ counts: JobCounts) {
        let now = ContinuousClock.now
        history.append((now, counts.finished))
        // At least two are kept.
        while history.count > 2, history[1].time < now - Self.window { history.removeFirst() }
        let text = Self.text(counts, speed: speed)
        if Console.isTerminal {
            Console.showProgressBar(Self.bar(counts, text: text, width: Console.width))
        } else if lastLine.map({ now - $0 >= Self.pauseBetweenLines }) ?? true {
            lastLine = now
            Console.writeLine(text)
        }
    }

    func end() {
        Console.showProgressBar("")
    }

    /// Jobs a second; nil before the second one.
    private var speed: Double? {
        guard let first = history.first, let last = history.last, last.finished > first.finished else { return nil }
        return Double(last.finished - first.finished) / (last.time - first.time).inSeconds
    }

    package static func text(_ counts: JobCounts, speed: Double?) -> String {
        var text = "\(counts.finished)/\(counts.total) finished"
        if let speed {
            text += String(format: "  %.3g pictures/s", speed)
            if counts.outstanding > 0 { text += "  \(time(Double(counts.outstanding) / speed)) left" }
        }
        if counts.failed > 0 { text += "  \(counts.failed) failed" }
        return text
    }

    package static func bar(_ counts: JobCounts, text: String, width: Int) -> String {
        bar(part: counts.total > 0 ? Double(counts.finished) / Double(counts.total) : 0, text: text, width: width)
    }

    /// - Parameter part: how much is done, from 0 to 1.
    static func bar(part: Double, text: String, width: Int) -> String {
        let room = min(40, width - text.count - 4)
        guard room >= 8 else { return String(text.prefix(max(0, width - 1))) }
        let filled = Int(max(0, min(part, 1)) * Double(room))
        return String(repeating: "█", count: filled) + String(repeating: "░", count: room - filled) + "  " + text
    }

    package static func time(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 1e9).rounded(.up))
        switch whole {
        case ..<100: return "\(whole) s"
        case ..<6000: return "\((whole + 30) / 60) min"
        default: return String(format: "%.1f h", Double(whole) / 3600)
        }
    }
}
