import Base
import Coordinator
import Foundation
import Wire

/// What the ranks of a world did and what they waited for, as one JSON object:
///
///     {"seconds": from the first leased job to the last token, "answered", "failed", "pictures",
///      "limits": what limits rank 0's host to less than its machine has, as texts,
///      "ranks": [{"rank", "peak_memory_bytes", and its counters by name}, …]}
struct WorldReport {
    let reports: [Report]
    let progress: Coordinator.Progress
    let seconds: Double
    /// What limits the processes of rank 0's host, for people.
    let limits: [String]

    var json: [UInt8] {
        var writer = JSONWriter()
        writer.raw("{\"seconds\":")
        writer.number(seconds)
        for (name, count) in [
            ("answered", progress.answered), ("failed", progress.failed), ("pictures", progress.pictures),
        ] {
            writer.raw(",")
            writer.string(name)
            writer.raw(":")
            writer.integer(count)
        }
        writer.raw(",\"limits\":")
        writer.array(limits) { writer, limit in writer.string(limit) }
        writer.raw(",\"ranks\":")
        writer.array(reports.sorted { $0.rank < $1.rank }) { writer, report in
            writer.raw("\n{\"rank\":")
            writer.integer(report.rank)
            writer.raw(",\"peak_memory_bytes\":")
            writer.integer(report.peakMemoryBytes)
            for counter in report.counters {
                writer.raw(",")
                writer.string(counter.name)
                writer.raw(":")
                writer.number(counter.value)
            }
            writer.raw("}")
        }
        writer.raw("}\n")
        return writer.bytes
    }

    /// Writes the report to a file.
    ///
    /// - Throws: where the file cannot be written.
    func write(to path: String) throws(EnvironmentError) {
        try Data(json).write(toPath: path, what: "report")
    }
}
