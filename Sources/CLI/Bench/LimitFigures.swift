import Measure

/// What a measurement is compared with, and what else the machine gives, measured before and after.
struct LimitFigures: Encodable {
    /// What a kind of work is compared with.
    struct WorkLimit: Encodable {
        /// The unit, and the share of it that the work can use.
        let unit: String
        /// Billions of operations a second, before and after.
        let rates: [Double]
    }

    /// One of the processor's units.
    struct UnitFigures: Encodable {
        let name: String
        let title: String
        /// Billions of operations a second, before and after.
        let rates: [Double]
    }

    /// A unit that was not measured.
    struct AbsentUnit: Encodable {
        let name: String
        let title: String
        let reason: String
    }

    /// The largest product of the model, which sgemm computes.
    let rows: Int
    let inputs: Int
    let outputs: Int
    let cores: Int
    let linear: WorkLimit
    let attention: WorkLimit
    let memoryGbs: [Double]
    let units: [UnitFigures]
    let absentUnits: [AbsentUnit]
    let sgemmGflops: [Double]
    let sgemmHow: [String]
    /// The processor whose kernels OpenBLAS used.
    let sgemmCoreType: String
    let skippedCoreTypes: [SgemmCoreType.Skipped]
    /// The two measurements of each limit agree to 10 %.
    let quiet: Bool

    /// - Parameters:
    ///   - limits: before and after.
    ///   - kernels: the name of the set that computed.
    init(_ limits: [MeasuredLimits], _ coreType: SgemmCoreType, settings: BenchSettings, kernels: String) {
        let product = settings.largestProduct
        (rows, inputs, outputs) = (product.rows, product.inputs, product.outputs)
        cores = settings.coresUsed
        func work(_ work: ComputeLimit.Work) -> WorkLimit {
            let found = limits.map { $0.rate(of: work, kernels: kernels, precision: settings.precision) }
            return WorkLimit(unit: found.max { $0.rate < $1.rate }?.unit ?? "none", rates: found.map(\.rate))
        }
        (linear, attention) = (work(.linear), work(.attention))
        memoryGbs = limits.map(\.memory)
        units = ProcessorProbe.allCases.compactMap { probe in
            let rates = limits.compactMap { $0.rates[probe] }
            return rates.isEmpty ? nil : UnitFigures(name: probe.rawValue, title: probe.title, rates: rates)
        }
        absentUnits = ProcessorProbe.allCases.compactMap { probe in
            let reason = limits.lazy.compactMap { $0.absences[probe] }.first
            return reason.map { AbsentUnit(name: probe.rawValue, title: probe.title, reason: $0) }
        }
        let products = limits.compactMap(\.sgemm)
        (sgemmGflops, sgemmHow) = (products.map(\.rate), products.map(\.how))
        sgemmCoreType = products.first?.coreType ?? "none"
        skippedCoreTypes = coreType.skipped
        quiet = [linear.rates, attention.rates, memoryGbs].allSatisfy(Self.agree)
    }

    private static func agree(_ values: [Double]) -> Bool {
        guard let minimum = values.min(), let maximum = values.max() else { return true }
        return maximum <= 1.1 * minimum
    }

    /// The better of both measurements.
    var best: BenchFigures.Limits {
        BenchFigures.Limits(
            linear: linear.rates.max() ?? 0, attention: attention.rates.max() ?? 0, memory: memoryGbs.max() ?? 0)
    }

    /// How sgemm reached its best rate.
    var sgemmNote: String {
        let best = zip(sgemmGflops, sgemmHow).max { $0.0 < $1.0 }?.1
        return best.map { "OpenBLAS's best core type \(sgemmCoreType); \($0)" } ?? "every core type crashed"
    }
}
