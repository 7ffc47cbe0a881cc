import Foundation
import Measure
import PaliGemma
import Tensor
import WorkerInterface

/// The figures of single kernels, each beside the machine's limit.
struct KernelResult: Encodable {
    /// One kernel of one set at one shape.
    struct Figure: Encodable {
        let kernels: String
        let seconds: Double
        /// GFLOP/s, or GB/s where rows are few.
        let rate: Double
        /// The most that was measured beside it, in the same unit.
        let limit: Double
        let share: Double
        /// Of a step with few rows, its time against that of one row.
        var timesOneRow: Double?
        /// With weights of eight bits, the time of the exact kernel, measured just before, against this one's.
        var timesExact: Double?
    }

    /// One shape, with every set of kernels.
    struct Row: Encodable {
        let name: String
        let figures: [Figure]
    }

    let processor: String
    let threads: Int
    let products: [Row]
    let attention: [Row]
    let fewRows: [Row]
    /// The same with weights of eight bits.
    let quantizedProducts: [Row]
    let quantizedFewRows: [Row]

    /// Seconds that a limit takes at most: it is measured again beside every kernel, for machines change their speed.
    private static let limitSeconds = 0.5

    /// Measures everything, at every shape one set of kernels after the other.
    init(_ sets: [Kernels], threads: Int, folder: String) throws {
        let weights = KernelBenchmark.Weights(folder: folder)
        let benchmarks = sets.map { (set: $0, benchmark: KernelBenchmark(kernels: $0, threads: threads)) }
        func row(
            _ name: String, _ limit: MachineLimit, _ measure: (KernelBenchmark) throws -> KernelBenchmark.Figure
        ) throws -> Row {
            Console.showProgressBar("measuring \(name)")
            return Row(
                name: name,
                figures: try benchmarks.map { set, benchmark in
                    let best = try MachineLimit.measure(
                        [limit], threads: threads, seconds: Self.limitSeconds, beside: set)
                    let figure = try measure(benchmark)
                    let work = limit == .memory ? figure.weightBytes : figure.operations
                    let (rate, limitRate) = (work / figure.seconds / 1e9, best[0].rate)
                    return Figure(
                        kernels: set.name, seconds: figure.seconds, rate: rate, limit: limitRate,
                        share: limitRate > 0 ? rate / limitRate : 0)
                })
        }
        defer { Console.showProgressBar("") }
        processor = LocalMachine.processor
        self.threads = threads
        func rows(_ product: KernelBenchmark.Product, _ limit: MachineLimit) throws -> (exact: Row, quantized: Row) {
            let exact = try row(Self.name(product), limit) { try $0.measure(product, weights) }
            let quantized = try row(Self.name(product), limit) { try $0.measure(product, weights, as: .int8) }
            return (exact, quantized.compared(with: exact))
        }
        let many = try KernelBenchmark.products.map { try rows($0, .sgemm($0)) }
        (products, quantizedProducts) = (many.map(\.exact), many.map(\.quantized))
        attention = try KernelBenchmark.attentions.map { shape in
            try row(shape.name, .sgemm(KernelBenchmark.typicalProduct)) { $0.measure(shape) }
        }
        let few = try KernelBenchmark.fewRows.map { try rows($0, .memory) }
        (fewRows, quantizedFewRows) = (Self.compared(few.map(\.exact)), Self.compared(few.map(\.quantized)))
    }

    private static func name(_ product: KernelBenchmark.Product) -> String {
        [(product.rows, 4), (product.inputs, 5), (product.outputs, 5)].map { "\($0)".aligned(to: $1) }
            .joined(separator: " x ")
    }

    /// With every step's time against the first's.
    private static func compared(_ rows: [Row]) -> [Row] {
        rows.map { row in
            Row(
                name: row.name,
                figures: zip(row.figures, rows[0].figures).map { figure, one in
                    var figure = figure
                    figure.timesOneRow = figure.seconds / one.seconds
                    return figure
                })
        }
    }

    // MARK: For people

    var text: String {
        let cores = threads == 1 ? "1 thread" : "\(threads) threads"
        let tables = [
            Self.table("rows x inputs x outputs", unit: "GFLOP/s", limit: "sgemm", products),
            Self.table("attention", unit: "GFLOP/s", limit: "sgemm", attention),
            Self.table("few rows, bfloat16 weights", unit: "GB/s", limit: "read", fewRows),
            Self.table("the same products, int8", unit: "GFLOP/s", limit: "sgemm", quantizedProducts),
            Self.table("few rows, int8", unit: "GB/s", limit: "read", quantizedFewRows),
        ]
        return (["kernels with \(cores) on \(processor)"] + tables.flatMap { [""] + $0 }).joined(separator: "\n")
    }

    private static func table(_ title: String, unit: String, limit: String, _ rows: [Row]) -> [String] {
        func line(_ label: String, _ groups: [[String]]) -> String {
            (label.padded(to: 27) + groups.map { $0.map { $0.aligned(to: 9) }.joined() }.joined(separator: "    "))
                .trimmingSuffix(" ")
        }
        func cells(_ figure: Figure) -> [String] {
            let numbers = [
                String(format: "%.2f", figure.seconds * 1000), String(format: "%.1f", figure.rate),
                String(format: "%.1f", figure.limit), String(format: "%.2f", figure.share),
            ]
            let times = [figure.timesOneRow, figure.timesExact].compactMap { $0 }
            return numbers + times.map { String(format: "%.2f", $0) }
        }
        guard let first = rows.first else { return [] }
        let titles =
            ["ms", unit, limit, "share"] + (first.figures.first?.timesOneRow == nil ? [] : ["x 1 row"])
            + (first.figures.first?.timesExact == nil ? [] : ["x exact"])
        let sets = first.figures.map { [$0.kernels] + Array(repeating: "", count: titles.count - 1) }
        let heads = [line("", sets), line(title, sets.map { _ in titles })]
        return heads + rows.map { line($0.name, $0.figures.map(cells)) }
    }

    // MARK: For programs

    var json: String { BenchJSON.text(self) }
}

extension KernelResult.Row {
    /// With every figure's time against another row's.
    fileprivate func compared(with exact: KernelResult.Row) -> KernelResult.Row {
        KernelResult.Row(
            name: name,
            figures: zip(figures, exact.figures).map { figure, exact in
                var figure = figure
                figure.timesExact = exact.seconds / figure.seconds
                return figure
            })
    }
}
