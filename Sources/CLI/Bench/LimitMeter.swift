import Measure

/// Measures limits again and again, beside single kernels: machines change their speed.
struct LimitMeter {
    /// The maximum seconds of one limit.
    private static let seconds = 0.5
    /// The maximum seconds of one of the processor's units.
    private static let probeSeconds = 0.1

    private let threads: Int
    /// What OpenBLAS is fastest with beside each set of kernels.
    private let coreTypes: [String: SgemmCoreType]
    /// OpenBLAS's names of what it used beside each set.
    private var usedCoreTypes: [String: String] = [:]
    /// Why units have no rate; they are not tried again.
    private(set) var absences: [ProcessorProbe: String] = [:]

    /// - Parameter sets: the names of the sets of kernels.
    /// - Throws: ``CommandFailure`` where a process cannot be started.
    init(_ sets: [String], threads: Int) throws(CommandFailure) {
        self.threads = threads
        var coreTypes: [String: SgemmCoreType] = [:]
        for set in sets { coreTypes[set] = try SgemmCoreType.best(threads: threads, beside: set) }
        self.coreTypes = coreTypes
    }

    /// Measures the units that a set of kernels can compute a work with.
    ///
    /// - Returns: nil where this processor has none of them.
    /// - Throws: ``CommandFailure`` where a process cannot be started.
    mutating func limit(
        of work: ComputeLimit.Work, kernels: String, precision: String
    ) throws(CommandFailure) -> ComputeLimit? {
        let probes = ComputeLimit.units(for: work, kernels: kernels, precision: precision).map(\.probe)
        var rates: [ProcessorProbe: Double] = [:]
        for probe in probes where absences[probe] == nil {
            let outcome = try LimitProcess.measure([.probe(probe)], threads: threads, seconds: Self.probeSeconds)[0]
            switch outcome {
            case .success(let best): rates[probe] = best.rate
            case .failure(let absence): absences[probe] = absence.description
            }
        }
        return ComputeLimit.limit(of: work, kernels: kernels, precision: precision, rates: rates)
    }

    /// Measures GFLOP/s of OpenBLAS with its best kernels; 0 where it crashes.
    ///
    /// - Throws: ``CommandFailure`` where a process cannot be started.
    mutating func sgemm(_ product: SgemmLimit.Product, beside kernels: String) throws(CommandFailure) -> Double {
        let outcome = try LimitProcess.measure(
            [.sgemm(product)], threads: threads, seconds: Self.seconds, coreType: coreTypes[kernels]?.name)[0]
        guard case .success(let best) = outcome else { return 0 }
        usedCoreTypes[kernels] = best.coreType
        return best.rate
    }

    /// Measures GB/s of plain reads.
    ///
    /// - Throws: ``CommandFailure`` where there is not enough memory.
    func memory() throws(CommandFailure) -> Double {
        guard case .success(let best) = try LimitProcess.measure([.memory], threads: threads, seconds: Self.seconds)[0]
        else { throw CommandFailure(.environment, "the rate of reading memory could not be measured") }
        return best.rate
    }

    /// What OpenBLAS was fastest with beside each set, for a report.
    var sgemmCoreTypes: [KernelResult.SgemmCoreTypes] {
        coreTypes.sorted { $0.key < $1.key }.map { set, type in
            KernelResult.SgemmCoreTypes(
                kernels: set, coreType: usedCoreTypes[set] ?? "none", skipped: type.skipped)
        }
    }
}
