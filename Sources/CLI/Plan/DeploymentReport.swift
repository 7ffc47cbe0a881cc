import Base
import Foundation
import ShardPlan

/// A deployment plan for people and for programs; both show the same.
struct DeploymentReport: Encodable {
    /// One way to use the hosts.
    struct Row: Encodable {
        let worlds: Int
        let ranks: Int
        let visionRanks: Int
        let hostsPerWorld: Int
        let worldsPerHost: Int
        let idleHosts: Int
        let picturesPerHour: Double
        let memoryPerHostBytes: Int
        let fits: Bool
        let sequences: Int
        /// Of one picture, on a rank of the stage.
        let visionSeconds: Double
        let prefillSeconds: Double
        let decodeSeconds: Double
        let networkSeconds: Double
        let boundBy: String

        init(_ candidate: DeploymentPlan.Candidate, fits: Bool) {
            let (placement, world) = (candidate.placement, candidate.world)
            worlds = candidate.worlds
            (ranks, visionRanks) = (candidate.plan.ranks, candidate.plan.visionRanks)
            (hostsPerWorld, worldsPerHost) = (placement.hostsPerWorld, placement.worldsPerHost)
            idleHosts = candidate.idleHosts
            picturesPerHour = candidate.picturesPerHour
            memoryPerHostBytes = world.hostMemory
            self.fits = fits
            sequences = world.sequences
            (visionSeconds, prefillSeconds, decodeSeconds) = (world.vision, world.prefill, world.decode)
            networkSeconds = world.network
            boundBy = world.bound.rawValue
        }

        var place: String {
            worldsPerHost > 1
                ? "\(worldsPerHost) on each host"
                : hostsPerWorld == 1 ? "one on each host" : "\(hostsPerWorld) hosts each"
        }
    }

    private static let maximumRows = 8

    let model: String
    let precision: String
    let hosts: Int
    let cores: Int
    let memoryBytes: Int
    let linkGigabits: Double
    let rates: PlanRates
    /// The best first; then what needs more memory than the hosts have.
    let rows: [Row]
    let why: [String]

    init(_ plan: DeploymentPlan, model: String, precision: String, hosts: PlanHosts, rates: PlanRates) {
        self.model = model
        self.precision = precision
        (self.hosts, cores, memoryBytes) = (hosts.count, hosts.cores, hosts.memory)
        linkGigabits = hosts.linkGigabits
        self.rates = rates
        rows = plan.candidates.map { Row($0, fits: true) } + plan.tooLarge.map { Row($0, fits: false) }
        why = Self.reasons(plan, hosts)
    }

    // MARK: Why

    private static func reasons(_ plan: DeploymentPlan, _ hosts: PlanHosts) -> [String] {
        let usable = ByteCount.text(Int(DeploymentPlan.usableMemory * Double(hosts.memory)))
        guard let best = plan.best else {
            let least = plan.tooLarge.first.map { ByteCount.text($0.world.hostMemory) } ?? "more"
            return [
                "Nothing fits: the least that a host needs is \(least), and its worlds may use \(usable). "
                    + "Take more hosts, more memory, --precision int8, or a smaller --kv-budget or --feature-cache."
            ]
        }
        var lines = [
            "Start \(best.worlds.counted("world")) of "
                + "\(best.plan.ranks.counted("rank")), \(DeploymentReport.Row(best, fits: true).place): "
                + String(format: "%.0f pictures an hour.", best.picturesPerHour)
        ]
        if best.plan.ranks == 1 {
            lines.append(
                "Worlds of one rank share nothing but the queue: no network, no waiting for peers, and every core works "
                    + "on every stage.")
        } else {
            let alone = plan.tooLarge.first { $0.plan.ranks == 1 }
            if let alone {
                lines.append(
                    "A world of one rank does not fit: it needs \(ByteCount.text(alone.world.hostMemory)) of a host, "
                        + "and worlds may use \(usable).")
            }
        }
        let seconds = [("vision", best.world.vision), ("prefill", best.world.prefill), ("decoding", best.world.decode)]
        let longest = seconds.max { $0.1 < $1.1 }?.0 ?? "prefill"
        lines.append("Most of a picture's time is \(longest).")
        if best.world.network > 0 {
            let share = best.world.network / (best.world.prefill + best.world.decode)
            lines.append("Gemma's ranks wait for the network \(Int((100 * share).rounded())) % of their time.")
        }
        if best.idleHosts > 0 {
            lines.append("\(best.idleHosts) of the hosts remain without a world.")
        }
        return lines
    }

    // MARK: For people

    var text: String {
        let rates = self.rates
        func percent(_ share: Double) -> String { "\(Int((100 * share).rounded())) %" }
        let head = [
            PlanReport.row("model", "\(model), precision \(precision)"),
            PlanReport.row(
                "hosts",
                "\(hosts) of \(cores.counted("core")), \(ByteCount.text(memoryBytes)), "
                    + String(format: "%g Gbit/s", linkGigabits)),
            PlanReport.row("rates", rates.source),
            PlanReport.row(
                "linear",
                String(format: "%.0f GOP/s a core (%@), ", rates.linearLimit, rates.linearUnit)
                    + "\(percent(rates.linearShare)) of it reached"),
            PlanReport.row(
                "attention",
                String(format: "%.0f GFLOP/s a core, ", rates.attentionLimit) + percent(rates.attentionShare)),
            PlanReport.row(
                "reads", String(format: "%.1f GB/s a host, ", rates.memoryLimit) + percent(rates.memoryShare)),
        ]
        let note = rates.sharesAreMeasured ? [] : ["The shares of these kernels are expected, not measured."]
        return (head + note + [""] + table + [""] + why).joined(separator: "\n")
    }

    private var table: [String] {
        func line(_ counts: [String], _ place: String, _ rates: [String], _ seconds: [String]) -> String {
            let columns = [(counts, 8), ([place], 0), (rates, 13), (seconds, 9)].map { cells, width in
                width == 0 ? "  " + cells[0].padded(to: 17) : cells.map { $0.aligned(to: width) }.joined()
            }
            return columns.joined().trimmingSuffix(" ")
        }
        var lines = [
            line(["", "ranks", "of them"], "", ["pictures", "memory"], ["    seconds of a picture"]),
            line(
                ["worlds", "each", "vision"], "where", ["an hour", "a host"],
                ["vision", "prefill", "decode", "network"]),
        ]
        for row in rows.prefix(Self.maximumRows) {
            let seconds = [row.visionSeconds, row.prefillSeconds, row.decodeSeconds, row.networkSeconds]
            let rate = row.fits ? String(format: "%.0f", row.picturesPerHour) : "no room"
            lines.append(
                line(
                    ["\(row.worlds)", "\(row.ranks)", "\(row.visionRanks)"], row.place,
                    [rate, ByteCount.text(row.memoryPerHostBytes)], seconds.map { String(format: "%.2f", $0) }))
        }
        if rows.count > Self.maximumRows { lines.append("(\(rows.count - Self.maximumRows) more in --json)") }
        return lines
    }

    // MARK: For programs

    var json: String { BenchJSON.text(self) }
}
