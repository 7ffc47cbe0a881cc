import Base
import COpenBLAS
import Tensor

/// The most that OpenBLAS's sgemm gives for one product on these cores: what our own products are measured against.
///
/// Every layout of both operands is tried, each with OpenBLAS's own threads and with one single-threaded call a thread
/// on its part of the columns or of the rows. To be run in a process of its own, since the number of OpenBLAS's
/// threads belongs to the whole process.
package final class SgemmCeiling: @unchecked Sendable {
    // @unchecked: threads write parts of y of their own, and nothing else changes.

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

        package var operations: Double { 2 * Double(rows) * Double(inputs) * Double(outputs) }
    }

    /// The best of all that was tried.
    package struct Best: Sendable, Equatable {
        /// GFLOP/s
        package var rate = 0.0
        /// The layout and the threading that gave it, for people.
        package var how = ""

        package init(rate: Double = 0, how: String = "") {
            self.rate = rate
            self.how = how
        }
    }

    private enum Threading: String, CaseIterable {
        case own = "OpenBLAS's threads"
        case byColumns = "a call a thread by columns"
        case byRows = "a call a thread by rows"
    }

    private struct Variant {
        let x: Bool
        let w: Bool
        let threading: Threading

        /// Stored transposed or not, in BLAS's letters.
        var description: String { "\(x ? "T" : "N")\(w ? "T" : "N"), \(threading.rawValue)" }
    }

    /// Rows at which the variants are compared before the best few run in full.
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

    /// - Parameter seconds: the time of trials and finalists together, about; each finalist runs at least once.
    package func measure(seconds: Double) -> Best {
        let start = Timeline.now()
        var variants: [Variant] = []
        for threading in Threading.allCases where threading == .own || team.count > 1 {
            for layout in 0..<4 {
                variants.append(Variant(x: layout & 1 != 0, w: layout & 2 != 0, threading: threading))
            }
        }
        let rows = min(product.rows, Self.trialRows)
        let trials = variants.map { variant in (variant, max(rate(variant, rows: rows), rate(variant, rows: rows))) }
        let finalists = trials.sorted { $0.1 > $1.1 }.prefix(Self.finalists).map(\.0)

        var best = Best()
        repeat {
            for variant in finalists {
                let rate = rate(variant, rows: product.rows)
                if rate > best.rate { best = Best(rate: rate, how: variant.description) }
            }
        } while Double(Timeline.now() - start) / 1e9 < seconds
        return best
    }

    /// GFLOP/s of one call.
    private func rate(_ variant: Variant, rows: Int) -> Double {
        openblas_set_num_threads(variant.threading == .own ? Int32(team.count) : 1)
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
        cblas_sgemm(
            CblasRowMajor, variant.x ? CblasTrans : CblasNoTrans, variant.w ? CblasTrans : CblasNoTrans,
            blasint(rows.count), blasint(columns.count), blasint(inputs), 1,
            x.view.base + rows.lowerBound * (variant.x ? 1 : inputs), blasint(variant.x ? allRows : inputs),
            w.view.base + columns.lowerBound * (variant.w ? inputs : 1), blasint(variant.w ? inputs : outputs), 0,
            y.view.base + rows.lowerBound * outputs + columns.lowerBound, blasint(outputs))
    }
}
