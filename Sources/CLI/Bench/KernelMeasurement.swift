import Measure
import PaliGemma
import Tensor
import WorkerInterface

/// Measures kernels of several sets in turns, each beside its limit.
struct KernelMeasurement {
    /// What a kernel's rate is compared with.
    enum Comparison {
        /// With the units that the set of kernels multiplies with, and beside them sgemm for a product.
        case units(ComputeLimit.Work, precision: String, SgemmLimit.Product)
        case memory
    }

    private(set) var meter: LimitMeter
    private let weights: KernelBenchmark.Weights
    private let benchmarks: [(set: Kernels, benchmark: KernelBenchmark)]

    /// - Parameter folder: where weights are written.
    /// - Throws: ``CommandFailure`` where a process cannot be started.
    init(_ sets: [Kernels], threads: Int, folder: String) throws(CommandFailure) {
        meter = try LimitMeter(sets.map(\.name), threads: threads)
        weights = KernelBenchmark.Weights(folder: folder)
        benchmarks = sets.map { ($0, KernelBenchmark(kernels: $0, threads: threads)) }
    }

    /// Measures one kernel with every set.
    ///
    /// - Throws: ``CommandFailure`` where a limit cannot be measured, or what `measure` throws.
    mutating func row(
        _ name: String, _ comparison: Comparison, _ measure: (KernelBenchmark) throws -> KernelBenchmark.Figure
    ) throws -> KernelResult.Row {
        Console.showProgressBar("measuring \(name)")
        var figures: [KernelResult.Figure] = []
        for (set, benchmark) in benchmarks {
            let best = try limit(comparison, beside: set.name)
            let figure = try measure(benchmark)
            let work = if case .memory = comparison { figure.weightBytes } else { figure.operations }
            let rate = work / figure.seconds / 1e9
            figures.append(
                KernelResult.Figure(
                    kernels: set.name, seconds: figure.seconds, rate: rate, limit: best.rate,
                    share: best.rate > 0 ? rate / best.rate : 0, sgemm: best.sgemm))
        }
        return KernelResult.Row(name: name, figures: figures)
    }

    /// Measures a product with every set in every precision; the later precisions have the first one beside them.
    ///
    /// - Throws: as ``row(_:_:_:)``.
    mutating func rows(
        _ product: KernelBenchmark.Product, _ comparison: (_ precision: String) -> Comparison
    ) throws -> (exact: KernelResult.Row, rounded: KernelResult.Row, quantized: KernelResult.Row) {
        let rows = try [Precision.exact, .bf16, .int8].map { precision in
            try row(Self.name(product), comparison(precision.rawValue)) { [weights] in
                try $0.measure(product, weights, as: precision)
            }
        }
        return (rows[0], rows[1].compared(with: rows[0]), rows[2].compared(with: rows[0]))
    }

    /// Measures what a kernel of a set is compared with.
    private mutating func limit(
        _ comparison: Comparison, beside kernels: String
    ) throws(CommandFailure) -> (rate: Double, sgemm: Double?) {
        switch comparison {
        case .memory: return (try meter.memory(), nil)
        case .units(let work, let precision, let product):
            let sgemm = try meter.sgemm(product, beside: kernels)
            let limit = try meter.limit(of: work, kernels: kernels, precision: precision)
            return (limit?.rate ?? sgemm, sgemm)
        }
    }

    private static func name(_ product: KernelBenchmark.Product) -> String {
        [(product.rows, 4), (product.inputs, 5), (product.outputs, 5)].map { "\($0)".aligned(to: $1) }
            .joined(separator: " x ")
    }
}
