import Base
import Foundation
import Queue

/// How far a queue is, for people and for programs.
struct QueueReport {
    let queue: String
    let model: String?
    let counts: JobCounts
    /// Jobs a second over the last minute.
    let rate: Double
    /// Worlds that have jobs.
    let worlds: Int

    init(of queue: any JobQueue) throws(QueueError) {
        self.queue = queue.name
        model = try queue.modelName()
        counts = try queue.counts()
        rate = try queue.recentRate()
        worlds = try queue.holders().count
    }

    var json: String {
        var writer = JSONWriter()
        writer.raw("{\"queue\":")
        writer.string(queue)
        writer.raw(",\"model\":")
        if let model { writer.string(model) } else { writer.raw("null") }
        for (name, number) in JobState.allCases.map({ ("\($0)", counts[$0]) }) + [("total", counts.total)] {
            writer.raw(",")
            writer.string(name)
            writer.raw(":")
            writer.integer(number)
        }
        writer.raw(",\"per_second\":")
        writer.number((rate * 1000).rounded() / 1000)
        writer.raw(",\"worlds\":")
        writer.integer(worlds)
        writer.raw("}")
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    var text: String {
        let meanings: [(JobState, String)] = [
            (.ready, "waiting for a world"), (.leased, "being worked on"), (.retry, "waiting for another attempt"),
            (.done, "answered"), (.failed, "without an answer; the results name the reason"),
            (.cancelled, "canceled before they were answered"),
        ]
        let width = max(5, "\(counts.total)".count)
        var lines = ["queue  \(queue.onOneLine)", "model  \((model ?? "none yet").onOneLine)", ""]
        for (state, meaning) in meanings where counts[state] > 0 || state == .ready || state == .done {
            lines.append("\(Self.padded(counts[state], to: width))  \("\(state)".padded(to: 10))\(meaning)")
        }
        let share = counts.total > 0 ? " (\(100 * counts.finished / counts.total) % finished)" : ""
        lines.append("\(Self.padded(counts.total, to: width))  in all\(share)")
        if rate > 0 || worlds > 0 {
            lines += ["", speed]
        }
        return lines.joined(separator: "\n")
    }

    private var speed: String {
        let who = worlds.counted("world") + " at work"
        let left =
            rate > 0 && counts.outstanding > 0
            ? ", \(ProgressDisplay.time(Double(counts.outstanding) / rate)) left" : ""
        return who + String(format: ", %.3g jobs/s over the last minute", rate) + left
    }

    private static func padded(_ number: Int, to width: Int) -> String {
        let text = String(number)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
