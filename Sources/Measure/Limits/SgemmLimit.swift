import Base
import Tensor

/// Measures the highest rate of OpenBLAS's sgemm for one product on these cores, which stands beside that of our own
/// products.
///
/// Every layout of both operands is tried, each with OpenBLAS's own threads and with one single-threaded call a thread
/// on its part of the columns or of the rows. It has to run in a process of its own, because the number of OpenBLAS's
/// threads is a setting of the whole process.
package final class SgemmLimit: @unchecked Sendable {
    // @unchecked: each thread writes its own part of y, and nothing else changes.

    /// y [rows, outputs] = x [rows, inputs] · w [inputs, outputs]
    package struct Product: Sendable, Equatable {
        package var rows: Int
        package var inputs: Int
        package var outputs: Int

        package init(rows: Int, inputs: Int, outputs: Int) {
            self.rows = rows
            self.inputs = inputs
            self.outputs = outputs
        }

        /// Number of floating-point operations, two a multiply-add.
        package var operations: Double { 2 * Double(rows) * Double(inputs) * Double(outputs) }
    }

    /// The best result of all variants.
    package struct Best: Sendable, Equatable {
        /// GFLOP/s
        package var rate = 0.0
        /// The layout and the threading that gave the rate, for a table.
        package var how = ""
        /// OpenBLAS's name of the processor whose kernels it used.
        package var coreType = ""

        package init(rate: Double = 0, how: String = "", coreType: String = "") {
            self.rate = rate
            self.how = how
            self.coreType = coreType
        }
    }

    private enum Threading: String, CaseIterable {
        case own = "OpenBLAS's threads"
        case byColumns = "a call a thread by columns"
        case byRows = "a call a thread by rows"
    }

    private struct Variant {
        let xIsTransposed: Bool
        let wIsTransposed: Bool
        let threading: Threading

        /// BLAS's letters for stored transposed (T) or not (N), and the threading.
        var description: String {
            "\(xIsTransposed ? "T" : "N")\(wIsTransposed ? "T" : "N"), \(threading.rawValue)"
        }
    }

    /// Number of rows at which the variants are compared, before the best few run in full.
    private static let trialRows = 256
    private static let finalists = 3

    private let product: Product
    private let team: ThreadTeam
    private let x: Matrix
    private let w: Matrix
    private let y: Matrix

    package init(_ product: Product, threads: Int) {
        self.product = product
        team = ThreadTeam(count: threads)
        x = Matrix(rows: product.rows, columns: product.inputs)
        w = Matrix(rows: product.inputs, columns: product.outputs)
        y = Matrix(rows: product.rows, columns: product.outputs)
        for matrix in [x.view, w.view] {
            team.rows(matrix.rows) { range in
                for row in range {
                    let values = matrix.row(row)
                    for column in 0..<matrix.columns { values[column] = Float((row &* 31 &+ column) % 61) / 64 - 0.5 }
                }
            }
        }
        y.view.fill(0)
    }

    /// Measures all variants.
    ///
    /// - Parameter seconds: the approximate time of all runs together; each finalist runs at least once.
    package func measure(seconds: Double) -> Best {
        let start = Timeline.now()
        var variants: [Variant] = []
        for threading in Threading.allCases where threading == .own || team.count > 1 {
            for layout in 0..<4 {
                variants.append(
                    Variant(xIsTransposed: layout & 1 != 0, wIsTransposed: layout & 2 != 0, threading: threading))
            }
        }
        let rows = min(product.rows, Self.trialRows)
        let trials = variants.map { variant in (variant, max(rate(variant, rows: rows), rate(variant, rows: rows))) }
        let finalists = trials.sorted { $0.1 > $1.1 }.prefix(Self.finalists).map(\.0)

        var best = Best()
        repeat {
            for variant in finalists {
                let rate = rate(variant, rows: product.rows)
                if rate > best.rate {
                    best = Best(rate: rate, how: variant.description, coreType: BLAS.coreType)
                }
            }
        } while Double(Timeline.now() - start) / 1e9 < seconds
        return best
    }

    /// Returns the GFLOP/s of one call.
    private func rate(_ variant: Variant, rows: Int) -> Double {
        BLAS.setThreads(variant.threading == .own ? team.count : 1)
        let start = Timeline.now()
        switch variant.threading {
        case .own:
            multiply(variant, rows: 0..<rows, of: rows, columns: 0..<product.outputs)
        case .byColumns:
            team.run(team.count) { [self, count = team.count] part, _ in
                multiply(variant, rows: 0..<rows, of: rows, columns: Self.part(part, of: count, product.outputs))
            }
        case .byRows:
            team.run(team.count) { [self, count = team.count] part, _ in
                multiply(
                    variant, rows: Self.part(part, of: count, rows), of: rows, columns: 0..<product.outputs)
            }
        }
        let seconds = Double(max(Timeline.now() - start, 1)) / 1e9
        return Product(rows: rows, inputs: product.inputs, outputs: product.outputs).operations / seconds / 1e9
    }

    private static func part(_ part: Int, of count: Int, _ whole: Int) -> Range<Int> {
        part * whole / count..<(part + 1) * whole / count
    }

    private func multiply(_ variant: Variant, rows: Range<Int>, of allRows: Int, columns: Range<Int>) {
        let (inputs, outputs) = (product.inputs, product.outputs)
        BLAS.multiply(
            BLAS.Operand(
                x.view.base + rows.lowerBound * (variant.xIsTransposed ? 1 : inputs),
                stride: variant.xIsTransposed ? allRows : inputs, isTransposed: variant.xIsTransposed),
            BLAS.Operand(
                w.view.base + columns.lowerBound * (variant.wIsTransposed ? inputs : 1),
                stride: variant.wIsTransposed ? inputs : outputs, isTransposed: variant.wIsTransposed),
            inputs: inputs, into: y.view.rows(rows).columns(columns))
    }
}
