import ArgumentParser
import Base
import Foundation
import Measure
import ShardPlan
import WorkerInterface

/// The hosts that a deployment is planned for.
struct PlanHostOptions: ParsableArguments {
    @Option(help: Variable.hosts.help("How many hosts there are.", default: "1", valueName: "count"))
    var hosts: Int?

    @Option(help: Variable.cores.help("Cores of a host.", default: "this machine's", valueName: "count"))
    var cores: Int?

    @Option(help: Variable.memory.help("Memory of a host, as 24g.", default: "this machine's", valueName: "bytes"))
    var memory: String?

    @Option(help: Variable.linkGigabits.help("The hosts' link, in Gbit/s.", default: "10", valueName: "rate"))
    var linkGbits: Double?

    @Option(
        help: Variable.processor.help(
            "Rates of a known kind of processor: one of \(KnownProcessor.all.map(\.name).joined(separator: ", ")).",
            default: "this machine is measured", valueName: "kind"))
    var processor: String?

    /// - Throws: where a value is none.
    func resolved() throws -> PlanHosts {
        let here = MachineLimits.current
        let link = try Variable.linkGigabits.value(linkGbits) ?? 10
        guard link > 0, link <= 1e6 else {
            throw ValidationError("'--link-gbits' is \(link); a number above 0 is expected.")
        }
        var memory = here.memory
        if let text = try Variable.memory.value(self.memory) {
            guard let size = ByteSize(text)?.bytes else {
                throw ValidationError("'--memory' is \(text); a size such as 24g or 512m is expected.")
            }
            memory = size
        }
        var known: KnownProcessor?
        if let name = try Variable.processor.value(processor) {
            known = KnownProcessor(named: name)
            guard known != nil else {
                let names = KnownProcessor.all.map(\.name).joined(separator: ", ")
                throw ValidationError("'--processor' is \(name); one of \(names) is expected.")
            }
        }
        return PlanHosts(
            count: try Variable.hosts.count(hosts, option: "--hosts") ?? 1,
            cores: try Variable.cores.count(cores, option: "--cores") ?? here.cores, memory: memory,
            linkGigabits: link, processor: known)
    }
}
