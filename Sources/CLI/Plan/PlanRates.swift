import Base
import Foundation
import Measure
import ShardPlan
import Tensor
import WorkerInterface

/// The hosts that a deployment is planned for; all are alike.
struct PlanHosts {
    let count: Int
    let cores: Int
    /// Bytes.
    let memory: Int
    let linkGigabits: Double
    /// Nil where this machine is measured.
    let processor: KnownProcessor?

    var linkBytesPerSecond: Double { linkGigabits * 1e9 / 8 }
}

/// What the kernels are expected to reach on a host, and where that comes from.
struct PlanRates: Encodable {
    /// Measured here, or known of a kind of processor.
    let source: String
    let kernels: String
    /// The units, and billions of operations a second that one core gives at most.
    let linearUnit: String
    let linearLimit: Double
    let attentionLimit: Double
    /// GB/s of plain reads of the whole host.
    let memoryLimit: Double
    /// What share of each limit the kernels reach.
    let linearShare: Double
    let attentionShare: Double
    let memoryShare: Double
    /// The shares were measured with these kernels, or are what they are expected to reach.
    let sharesAreMeasured: Bool

    /// - Throws: ``CommandFailure`` where this machine has to be measured and cannot be.
    init(of hosts: PlanHosts, precision: String) throws(CommandFailure) {
        let machine = try Self.machine(hosts)
        let efficiency = KernelEfficiency(kernels: machine.kernels, precision: precision)
        func limit(_ work: ComputeLimit.Work) throws(CommandFailure) -> ComputeLimit {
            let found = ComputeLimit.limit(
                of: work, kernels: machine.kernels, precision: precision, rates: machine.ratesOfCore)
            guard let found else {
                throw CommandFailure(
                    .environment, "this machine's units cannot be measured; give --processor for hosts of a known kind")
            }
            return found
        }
        let (linear, attention) = (try limit(.linear), try limit(.attention))
        source = machine.source
        kernels = machine.kernels
        (linearUnit, linearLimit, attentionLimit) = (linear.unit.title, linear.rate, attention.rate)
        memoryLimit = machine.memory
        (linearShare, attentionShare) = (efficiency.linear, efficiency.attention)
        (memoryShare, sharesAreMeasured) = (efficiency.reading, efficiency.isMeasured)
    }

    var host: PlannedHost.Rates {
        PlannedHost.Rates(
            linear: linearLimit * linearShare * 1e9, attention: attentionLimit * attentionShare * 1e9,
            memory: memoryLimit * memoryShare * 1e9)
    }

    private typealias Machine = (
        source: String, kernels: String, ratesOfCore: [ProcessorProbe: Double], memory: Double
    )

    private static func machine(_ hosts: PlanHosts) throws(CommandFailure) -> Machine {
        if let known = hosts.processor {
            return (
                "known of \(known.title)", known.kernels, known.rates,
                min(known.memoryAtMost, known.memoryPerCore * Double(hosts.cores))
            )
        }
        let cores = MachineLimits.current.cores
        Console.writeLine("measuring the limits of this machine's \(cores.counted("core"))")
        let limits = try MeasuredLimits(threads: cores)
        let scale = Double(hosts.cores) / Double(cores)
        let taken = scale == 1 ? "" : ", taken for \(hosts.cores.counted("core")) in proportion, memory too"
        return (
            "measured on this machine, \(cores.counted("core")) of \(LocalMachine.processor)\(taken)",
            Kernels.current.name,
            limits.rates.mapValues { $0 / Double(cores) }, limits.memory * scale
        )
    }
}
