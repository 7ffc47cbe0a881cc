import Foundation

/// The text format of Prometheus, version 0.0.4: each family once, with its help and its type.
package struct MetricsText {
    package private(set) var text = ""
    private var prefix: String
    private var labels: [(String, String)]

    /// - Parameter labels: Those of every value.
    package init(prefix: String, labels: [(String, String)]) {
        self.prefix = prefix
        self.labels = labels
    }

    /// What follows has neither the prefix nor the labels.
    package mutating func unprefixed() {
        prefix = ""
        labels = []
    }

    package mutating func gauge(_ name: String, _ help: String, _ value: Double) {
        gauges(name, help, [], [([], value)])
    }

    package mutating func gauges(_ name: String, _ help: String, _ keys: [String], _ values: [([String], Double)]) {
        begin(name, help, "gauge")
        for (own, value) in values { add(name, Array(zip(keys, own)), value) }
    }

    package mutating func counter(_ name: String, _ help: String, _ value: Int) {
        counters(name, help, [], [[]: value])
    }

    /// - Parameter values: By the values of the keys.
    package mutating func counters(_ name: String, _ help: String, _ keys: [String], _ values: [[String]: Int]) {
        begin(name, help, "counter")
        for (own, value) in values.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            add(name, Array(zip(keys, own)), Double(value))
        }
    }

    package mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        begin(name, help, "histogram")
        var sum = 0
        for (bound, count) in zip(histogram.bounds.map(Self.number) + ["+Inf"], histogram.counts) {
            sum += count
            add(name + "_bucket", [("le", bound)], Double(sum))
        }
        add(name + "_sum", [], histogram.sum)
        add(name + "_count", [], Double(sum))
    }

    private mutating func begin(_ name: String, _ help: String, _ type: String) {
        text += "# HELP \(prefix)\(name) \(Self.escaped(help, quotes: false))\n# TYPE \(prefix)\(name) \(type)\n"
    }

    private mutating func add(_ name: String, _ own: [(String, String)], _ value: Double) {
        let all = (labels + own).map { "\($0.0)=\"\(Self.escaped($0.1, quotes: true))\"" }
        text += prefix + name + (all.isEmpty ? "" : "{\(all.joined(separator: ","))}") + " \(Self.number(value))\n"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        let text = text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\n", with: "\\n")
        return quotes ? text.replacingOccurrences(of: "\"", with: "\\\"") : text
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
    }
}

/// What Prometheus shows of every process.
enum ProcessFigures {
    static func add(to text: inout MetricsText) {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        let used = seconds(usage.ru_utime) + seconds(usage.ru_stime)
        text.gauge("process_cpu_seconds_total", "Processor time.", used)
        text.gauge("process_max_resident_memory_bytes", "The most memory.", Double(usage.ru_maxrss) * 1024)
        text.gauge("process_threads", "Threads.", Double(threads))
    }

    private static var threads: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("Threads:") }
        return line.flatMap { Int($0.split(separator: "\t").last ?? "") } ?? 0
    }
}
