import ArgumentParser
import Coordinator

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Say how far a queue is.",
        discussion: """
            Takes the same time for ten jobs and for a million, and disturbs nobody.

              paligemma status --queue jobs.db
              paligemma status --queue jobs.db --json | jq .done
            """)

    @Option(help: Variable.queue.help("The queue's file.", valueName: "file"))
    var queue: String?

    @Flag(help: Variable.json.help("One JSON object for programs."))
    var json = false

    func run() throws {
        let path = try Variable.queue.required(queue, option: "--queue")
        let asJSON = try Variable.json.isOn(json)
        let queue = try SQLiteQueue(path: path)
        let counts = try queue.counts()
        let model = try queue.modelName()
        print(asJSON ? QueueReport.json(path: path, model: model, counts) : QueueReport.text(path: path, model, counts))
    }
}

/// A queue's counts, for people and for programs.
enum QueueReport {
    static func json(path: String, model: String?, _ counts: JobCounts) -> String {
        var writer = JSONWriter()
        writer.raw("{\"queue\":")
        writer.string(path)
        writer.raw(",\"model\":")
        if let model { writer.string(model) } else { writer.raw("null") }
        for (name, number) in JobState.allCases.map({ ("\($0)", counts[$0]) }) + [("total", counts.total)] {
            writer.raw(",")
            writer.string(name)
            writer.raw(":")
            writer.integer(number)
        }
        writer.raw("}")
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    static func text(path: String, _ model: String?, _ counts: JobCounts) -> String {
        let meanings: [(JobState, String)] = [
            (.ready, "waiting for a world"), (.leased, "being worked on"), (.retry, "resting before another attempt"),
            (.done, "answered"), (.failed, "without an answer; the results say why"), (.cancelled, "taken back"),
        ]
        let width = max(5, "\(counts.total)".count)
        var lines = ["queue  \(path)", "model  \(model ?? "none yet")", ""]
        for (state, meaning) in meanings where counts[state] > 0 || state == .ready || state == .done {
            lines.append("\(padded(counts[state], to: width))  \("\(state)".padded(to: 10))\(meaning)")
        }
        let share = counts.total > 0 ? " (\(100 * counts.finished / counts.total) % finished)" : ""
        lines.append("\(padded(counts.total, to: width))  in all\(share)")
        return lines.joined(separator: "\n")
    }

    private static func padded(_ number: Int, to width: Int) -> String {
        let text = String(number)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

extension String {
    /// With spaces behind it, at least `width` characters.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
