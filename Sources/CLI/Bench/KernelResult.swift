import Base
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
        /// What the processor's units or its memory gave beside it, in the same unit.
        let limit: Double
        let share: Double
        /// GFLOP/s of OpenBLAS's best sgemm beside it, for the same product or a typical one.
        var sgemm: Double?
        /// Of a step with few rows, its time against that of one row.
        var timesOneRow: Double?
        /// In another precision, the time of the exact kernel, measured just before, against this one's.
        var timesExact: Double?
    }

    /// One shape, with every set of kernels.
    struct Row: Encodable {
        let name: String
        let figures: [Figure]
    }

    /// A unit of the processor or a set of kernels that was not measured, and why.
    struct Absent: Encodable {
        let name: String
        let reason: String
    }

    /// What OpenBLAS was fastest with beside one set of kernels.
    struct SgemmCoreTypes: Encodable {
        let kernels: String
        let coreType: String
        let skipped: [SgemmCoreType.Skipped]
    }

    let processor: String
    let threads: Int
    let sgemmCoreTypes: [SgemmCoreTypes]
    let absentUnits: [Absent]
    let absentKernels: [Absent]
    let products: [Row]
    let attention: [Row]
    let fewRows: [Row]
    /// The same with activations of bfloat16.
    let roundedProducts: [Row]
    let roundedFewRows: [Row]
    /// The same with weights and activations of eight bits.
    let quantizedProducts: [Row]
    let quantizedFewRows: [Row]

    /// Measures everything, at every shape one set of kernels after the other.
    ///
    /// - Parameter folder: where weights are written.
    /// - Throws: where a limit cannot be measured, or the weights cannot be made.
    init(_ sets: [Kernels], threads: Int, folder: String) throws {
        defer { Console.showProgressBar("") }
        processor = LocalMachine.processor
        self.threads = threads
        var measurement = try KernelMeasurement(sets, threads: threads, folder: folder)
        let many = try KernelBenchmark.products.map { product in
            try measurement.rows(product) { .units(.linear, precision: $0, product) }
        }
        (products, roundedProducts) = (many.map(\.exact), many.map(\.rounded))
        quantizedProducts = many.map(\.quantized)
        attention = try KernelBenchmark.attentions.map { shape in
            let comparison = KernelMeasurement.Comparison.units(
                .attention, precision: "exact", KernelBenchmark.typicalProduct)
            return try measurement.row(shape.name, comparison) { $0.measure(shape) }
        }
        let few = try KernelBenchmark.fewRows.map { try measurement.rows($0) { _ in .memory } }
        (fewRows, roundedFewRows) = (Self.compared(few.map(\.exact)), Self.compared(few.map(\.rounded)))
        quantizedFewRows = Self.compared(few.map(\.quantized))
        sgemmCoreTypes = measurement.meter.sgemmCoreTypes
        absentKernels = Kernels.Level.allCases.compactMap { level in
            level.obstacle.map { Absent(name: level.rawValue, reason: $0) }
        }
        absentUnits = ProcessorProbe.allCases.compactMap { probe in
            measurement.meter.absences[probe].map { Absent(name: probe.title, reason: $0) }
        }
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
        let cores = threads.counted("thread")
        let tables = [
            Self.table("rows x inputs x outputs", unit: "GFLOP/s", limit: "limit", products),
            Self.table("attention", unit: "GFLOP/s", limit: "limit", attention),
            Self.table("few rows, exact", unit: "GB/s", limit: "read", fewRows),
            Self.table("the same products, bf16", unit: "GFLOP/s", limit: "limit", roundedProducts),
            Self.table("few rows, bf16", unit: "GB/s", limit: "read", roundedFewRows),
            Self.table("the same products, int8", unit: "GOP/s", limit: "limit", quantizedProducts),
            Self.table("few rows, int8", unit: "GB/s", limit: "read", quantizedFewRows),
        ]
        let lines = ["kernels with \(cores) on \(processor)"] + tables.flatMap { [""] + $0 } + [""] + notes
        return lines.joined(separator: "\n")
    }

    /// What the columns mean, and what was not measured.
    private var notes: [String] {
        sgemmCoreTypes.flatMap(Self.notes) + absentKernels.map { "no kernels \($0.name): \($0.reason)" }
            + absentUnits.map { "no unit \($0.name): \($0.reason)" }
    }

    private static func notes(_ set: SgemmCoreTypes) -> [String] {
        func units(_ work: ComputeLimit.Work, _ precision: String) -> String {
            ComputeLimit.units(for: work, kernels: set.kernels, precision: precision).map(\.title)
                .joined(separator: "; ")
        }
        let lines = [
            "limits of \(set.kernels), the best of:",
            "  products: " + units(.linear, "exact"),
            "  products, bf16: " + units(.linear, "bf16"),
            "  products, int8: " + units(.linear, "int8"),
            "  attention: " + units(.attention, "exact"),
            "  sgemm: OpenBLAS's best core type \(set.coreType)",
        ]
        return lines + set.skipped.map { "    not \($0.coreType): \($0.reason)" }
    }

    private static func table(_ title: String, unit: String, limit: String, _ rows: [Row]) -> [String] {
        func line(_ label: String, _ groups: [[String]]) -> String {
            (label.padded(to: 27) + groups.map { $0.map { $0.aligned(to: 9) }.joined() }.joined(separator: "    "))
                .trimmingSuffix(" ")
        }
        func cells(_ figure: Figure) -> [String] {
            var cells = [
                String(format: "%.2f", figure.seconds * 1000), String(format: "%.1f", figure.rate),
                String(format: "%.1f", figure.limit), String(format: "%.2f", figure.share),
            ]
            if let sgemm = figure.sgemm { cells.append(String(format: "%.1f", sgemm)) }
            for times in [figure.timesOneRow, figure.timesExact] {
                if let times { cells.append(String(format: "%.2f", times)) }
            }
            return cells
        }
        guard let first = rows.first else { return [] }
        let example = first.figures.first
        var titles = ["ms", unit, limit, "share"]
        if example?.sgemm != nil { titles.append("sgemm") }
        if example?.timesOneRow != nil { titles.append("x 1 row") }
        if example?.timesExact != nil { titles.append("x exact") }
        let sets = first.figures.map { [$0.kernels] + Array(repeating: "", count: titles.count - 1) }
        let heads = [line("", sets), line(title, sets.map { _ in titles })]
        return heads + rows.map { line($0.name, $0.figures.map(cells)) }
    }

    // MARK: For programs

    var json: String { BenchJSON.text(self) }
}

extension KernelResult.Row {
    /// With every figure's time against another row's.
    func compared(with exact: KernelResult.Row) -> KernelResult.Row {
        KernelResult.Row(
            name: name,
            figures: zip(figures, exact.figures).map { figure, exact in
                var figure = figure
                figure.timesExact = exact.seconds / figure.seconds
                return figure
            })
    }
}
