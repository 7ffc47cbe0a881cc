import Measure

/// What the units of this machine gave, measured once.
struct MeasuredLimits {
    /// Billions of operations a second of the processor's units, two a multiply-add.
    let rates: [ProcessorProbe: Double]
    /// Why the other units have no rate.
    let absences: [ProcessorProbe: String]
    /// GB/s of plain reads.
    let memory: Double
    /// OpenBLAS's best, for one product; nil where it crashed or was left out.
    let sgemm: MachineLimit.Best?

    /// Measures everything on as many threads as a world uses. Tiles, and OpenBLAS, are measured in processes of their
    /// own, which may crash where a hypervisor promises what it does not have.
    ///
    /// - Parameter sgemm: what sgemm computes, and the processor whose kernels OpenBLAS uses; nil to leave it out.
    /// - Throws: ``CommandFailure`` where a process cannot be started, or memory cannot be read.
    init(
        threads: Int, sgemm: (product: SgemmLimit.Product, coreType: SgemmCoreType)? = nil
    ) throws(CommandFailure) {
        let plain = ProcessorProbe.allCases.filter { !$0.usesTiles }
        let measured = try LimitProcess.measure(
            [.memory] + plain.map(MachineLimit.probe), threads: threads, seconds: 0.7)
        guard case .success(let reads) = measured[0] else {
            throw CommandFailure(.environment, "the rate of reading memory could not be measured")
        }
        var outcomes = Array(zip(plain, measured.dropFirst()))
        for probe in ProcessorProbe.allCases where probe.usesTiles {
            outcomes.append((probe, try LimitProcess.measure([.probe(probe)], threads: threads, seconds: 0.7)[0]))
        }
        var (rates, absences): ([ProcessorProbe: Double], [ProcessorProbe: String]) = ([:], [:])
        for (probe, outcome) in outcomes {
            switch outcome {
            case .success(let best): rates[probe] = best.rate
            case .failure(let absence): absences[probe] = absence.description
            }
        }
        (self.rates, self.absences, memory) = (rates, absences, reads.rate)
        guard let sgemm else {
            self.sgemm = nil
            return
        }
        let outcome = try LimitProcess.measure(
            [.sgemm(sgemm.product)], threads: threads, seconds: 2.5, coreType: sgemm.coreType.name)[0]
        self.sgemm = try? outcome.get()
    }

    /// Returns the limit of a work: that of a unit that the kernels can use, or sgemm's rate where none was measured.
    func rate(of work: ComputeLimit.Work, kernels: String, precision: String) -> (rate: Double, unit: String) {
        let limit = ComputeLimit.limit(of: work, kernels: kernels, precision: precision, rates: rates)
        return limit.map { ($0.rate, $0.unit.title) } ?? (sgemm?.rate ?? 0, "sgemm, for no unit could be measured")
    }
}
