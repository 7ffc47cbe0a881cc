import Base
import Foundation

/// The cores that a world may use, and who else uses them.
package enum CoreCheck {
    package struct Facts: Sendable {
        package var machine: MachineLimits
        package var ranks: Int
        /// The share of the time that a hypervisor took from this machine's cores, just now; nil where it is not known.
        package var stolen: Double?
        /// The share of the last 10 s in which some process waited for a core; nil where the kernel does not say.
        package var pressure: Double?

        package init(machine: MachineLimits, ranks: Int, stolen: Double? = nil, pressure: Double? = nil) {
            self.machine = machine
            self.ranks = ranks
            self.stolen = stolen
            self.pressure = pressure
        }
    }

    private static let maximumStolen = 0.05
    private static let maximumPressure = 0.5

    package static func judge(_ facts: Facts) -> Finding {
        let machine = facts.machine
        let limits = machine.descriptions.filter { $0.contains("core") && !$0.hasPrefix("ignored") }
        let cores = machine.cores == 1 ? "1 core" : "\(machine.cores) cores"
        var findings = [
            limits.isEmpty
                ? Finding(.ok, cores)
                : Finding(
                    .note, limits.joined(separator: ", "),
                    "what is not there cannot be used; --threads follows, and a whole number of cores is best")
        ]
        if facts.ranks > machine.cores {
            findings.append(
                Finding(
                    .note, "\(facts.ranks) ranks share them and compute one after the other",
                    "start fewer ranks unless a single one has no room for the model"))
        }
        if !machine.container.ignoredFiles.isEmpty {
            findings.append(
                Finding(
                    .warn, "limits that cannot be read: \(machine.container.ignoredFiles.joined(separator: ", "))",
                    "let this user read them, or give --threads and --kv-budget"))
        }
        if let stolen = facts.stolen, stolen > maximumStolen {
            findings.append(
                Finding(
                    .warn, "the hypervisor takes \(percent(stolen)) of the time",
                    "other virtual machines are on the same cores: ask for dedicated ones"))
        }
        if let pressure = facts.pressure, pressure > maximumPressure {
            findings.append(
                Finding(
                    .note, "some process waited for a core in \(percent(pressure)) of the last 10 s",
                    "see with top what else runs here"))
        }
        return .all(findings)
    }

    /// - Parameter pause: between two looks at the processors' time.
    static func facts(_ files: SystemFiles, _ machine: MachineLimits, ranks: Int, pause: Double = 0.2) -> Facts {
        let before = ProcessorTime(files)
        Thread.sleep(forTimeInterval: pause)
        return Facts(
            machine: machine, ranks: ranks, stolen: ProcessorTime(files)?.stolen(since: before),
            pressure: Pressure.share(of: "some", in: files.text("/proc/pressure/cpu")))
    }

    static func percent(_ share: Double) -> String { "\(Int((100 * share).rounded())) %" }
}

/// The first line of /proc/stat.
package struct ProcessorTime: Sendable {
    private let all: Double
    private let stolen: Double

    package init?(_ files: SystemFiles) {
        // cpu user nice system idle iowait irq softirq steal guest …
        let fields = files.text("/proc/stat")?.split(separator: "\n").first?.split(separator: " ") ?? []
        let ticks = fields.dropFirst().prefix(8).compactMap { Double($0) }
        guard fields.first == "cpu", ticks.count == 8 else { return nil }
        all = ticks.reduce(0, +)
        stolen = ticks[7]
    }

    /// Returns the share of the time since then; nil where none went by.
    package func stolen(since earlier: ProcessorTime?) -> Double? {
        guard let earlier, all > earlier.all else { return nil }
        return max(0, stolen - earlier.stolen) / (all - earlier.all)
    }
}

/// A file of /proc/pressure: "some avg10=97.30 avg60=… total=…".
package enum Pressure {
    /// Returns the share of the last 10 s; nil where the text has none.
    package static func share(of kind: String, in text: String?) -> Double? {
        let line = text?.split(separator: "\n").first { $0.hasPrefix(kind + " ") }
        let field = line?.split(separator: " ").first { $0.hasPrefix("avg10=") }
        return field.flatMap { Double($0.dropFirst(6)) }.map { $0 / 100 }
    }
}

/// Memory against what a world will take.
package enum MemoryCheck {
    package struct Facts: Sendable {
        package var machine: MachineLimits
        /// Bytes that can be had without taking them from other programs; nil where the kernel does not say.
        package var available: Int?
        /// Bytes of the weights that a world maps, and of what its ranks take beside them; nil without a model.
        package var weights: Int?
        package var buffers: Int?
        /// The share of the last 10 s in which everything waited for memory.
        package var pressure: Double?

        package init(
            machine: MachineLimits, available: Int?, weights: Int? = nil, buffers: Int? = nil, pressure: Double? = nil
        ) {
            self.machine = machine
            self.available = available
            self.weights = weights
            self.buffers = buffers
            self.pressure = pressure
        }

        package init(_ files: SystemFiles, _ machine: MachineLimits, weights: Int?, buffers: Int?) {
            let kilobytes = files.value(of: "MemAvailable", in: "/proc/meminfo")?.split(separator: " ").first
            self.init(
                machine: machine, available: kilobytes.flatMap { Int($0) }.map { min($0, 1 << 50) * 1024 },
                weights: weights, buffers: buffers,
                pressure: Pressure.share(of: "full", in: files.text("/proc/pressure/memory")))
        }
    }

    package static func judge(_ facts: Facts) -> Finding {
        let limit = facts.machine.memory
        let room = min(limit, facts.available ?? limit)
        var text = "\(ByteCount.text(room)) available of \(ByteCount.text(limit))"
        if limit < facts.machine.machineMemory { text += " (cgroup limit)" }
        var findings: [Finding] = []
        if let weights = facts.weights {
            let need = weights + (facts.buffers ?? 0)
            text += ", a world takes \(ByteCount.text(need)), \(ByteCount.text(weights)) of it weights"
            findings.append(need <= room ? Finding(.ok, text) : shortage(text, need: need, limit: limit))
        } else {
            findings.append(Finding(.ok, text + "; give --model to compare"))
        }
        if let pressure = facts.pressure, pressure > 0.05 {
            findings.append(
                Finding(
                    .warn, "everything waited for memory in \(CoreCheck.percent(pressure)) of the last 10 s",
                    "see with top what takes it"))
        }
        return .all(findings)
    }

    private static func shortage(_ text: String, need: Int, limit: Int) -> Finding {
        let remedy = "--precision int8 halves the weights; ranks on several hosts share them (paligemma plan)"
        let advice = need <= limit ? ["end what else takes memory here", remedy] : [remedy]
        return Finding(.warn, text, advice: advice)
    }
}

/// NUMA nodes against ranks.
package enum NodeCheck {
    package static func judge(_ machine: MachineLimits, ranks: Int) -> Finding {
        let nodes = machine.nodes.count
        guard nodes > 1 else { return Finding(.ok, "one node") }
        guard NodeBinding.cores(ofRank: 0, of: ranks, on: machine) == nil else {
            return Finding(.ok, "\(nodes) nodes, to which \(ranks) ranks keep")
        }
        return Finding(
            .note, "\(nodes) nodes, and \(ranks == 1 ? "1 rank" : "\(ranks) ranks") that keep to none",
            "start \(NodeBinding.bestRanks(on: machine)) ranks, or a world a node: taskset -c CORES pg-worker …")
    }
}

/// Transparent huge pages.
package enum HugePageCheck {
    /// - Parameter text: of /sys/kernel/mm/transparent_hugepage/enabled: "always [madvise] never".
    package static func judge(_ text: String?) -> Finding {
        let mode = text?.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("[") && $0.hasSuffix("]") }
        guard let mode = mode.map({ $0.dropFirst().dropLast() }) else {
            return .notChecked("the kernel does not say whether it has transparent huge pages")
        }
        guard mode == "never" else { return Finding(.ok, "transparent huge pages: \(mode)") }
        return Finding(
            .note, "transparent huge pages are off",
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, as root")
    }
}

/// The limit of open files.
package enum OpenFileCheck {
    package static let minimum = 4096

    /// - Parameters:
    ///   - soft: what holds now.
    ///   - hard: up to where this user may raise it.
    package static func judge(soft: UInt64, hard: UInt64) -> Finding {
        guard soft < minimum else { return Finding(.ok, soft > 1 << 40 ? "no limit" : "up to \(soft)") }
        let advice =
            hard >= minimum
            ? "ulimit -n \(minimum) (systemd: LimitNOFILE=\(minimum))"
            : "raise the hard limit of \(hard) too: /etc/security/limits.conf, or LimitNOFILE= of the unit"
        return Finding(.warn, "up to \(soft), less than \(minimum)", advice)
    }
}
