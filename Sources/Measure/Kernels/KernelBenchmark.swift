import Base
import Foundation
import PaliGemma
import Tensor

/// Measures single kernels at the shapes of a real model, without MPI: products with weights, and attention. They run
/// through the same types as in the model, whose ``OperationMeter`` gives the figures.
package final class KernelBenchmark {
    /// y [rows, outputs] = x [rows, inputs] · Wᵀ
    package typealias Product = SgemmLimit.Product

    /// Attention (grouped-query where heads share key/value heads) over all rows of one picture or prefix.
    package struct Attention: Sendable {
        package let name: String
        /// Number of queries, and of keys.
        package let rows: Int
        package let heads: Int
        package let keyValueHeads: Int
        package let headWidth: Int
        /// The soft cap of the scores in Gemma 2.
        package let softCap: Float?

        package init(
            name: String, rows: Int, heads: Int, keyValueHeads: Int, headWidth: Int, softCap: Float? = nil
        ) {
            self.name = name
            self.rows = rows
            self.heads = heads
            self.keyValueHeads = keyValueHeads
            self.headWidth = headWidth
            self.softCap = softCap
        }
    }

    /// The fastest of several calls.
    package struct Figure: Sendable {
        package var seconds: Double
        /// Floating-point operations of one call, two a multiply-add.
        package var operations: Double
        /// Bytes of weights that one call reads.
        package var weightBytes: Double
    }

    /// The products of Gemma and SigLIP for one small picture, a micro-batch, and one large picture.
    package static let products = [256, 2048, 4096].flatMap { rows in
        [(2048, 16384), (16384, 2048), (1152, 4304), (4304, 1152), (1152, 1152)].map {
            Product(rows: rows, inputs: $0.0, outputs: $0.1)
        }
    }

    /// The product whose rate attention is compared with.
    package static let typicalProduct = Product(rows: 2048, inputs: 1152, outputs: 4304)

    /// A product of decoding steps with 1 to 32 sequences.
    package static let fewRows = [1, 2, 4, 8, 16, 32].map { Product(rows: $0, inputs: 2048, outputs: 16384) }

    package static let attentions = [
        Attention(name: "SigLIP, 256 rows", rows: 256, heads: 16, keyValueHeads: 16, headWidth: 72),
        Attention(name: "SigLIP, 4096 rows", rows: 4096, heads: 16, keyValueHeads: 16, headWidth: 72),
        Attention(name: "Gemma, 266 rows", rows: 266, heads: 8, keyValueHeads: 1, headWidth: 256),
        Attention(name: "Gemma, 4106 rows", rows: 4106, heads: 8, keyValueHeads: 1, headWidth: 256),
        Attention(
            name: "Gemma 2 3B, 4106 rows", rows: 4106, heads: 8, keyValueHeads: 4, headWidth: 256, softCap: 50),
    ]

    private let team: ThreadTeam
    private let kernels: Kernels
    private let meter = OperationMeter()
    private let seconds: Double

    /// - Parameter seconds: the approximate time of each measurement.
    package init(kernels: Kernels, threads: Int, seconds: Double = 0.4) {
        _ = BLAS.prepared
        team = ThreadTeam(count: threads)
        self.kernels = kernels
        self.seconds = seconds
    }

    /// Measures a product with weights of a precision.
    ///
    /// - Throws: ``RandomModelError`` or ``ModelError`` where the weights cannot be made.
    package func measure(
        _ product: Product, _ weights: Weights, as precision: Precision = .exact
    ) throws -> Figure {
        let matrices = try weights.matrices(for: product, as: precision, team: team)
        let x = filled(rows: product.rows, columns: product.inputs)
        let y = Matrix(rows: product.rows, columns: product.outputs)
        let linear = Linear(team: team, kernels: kernels, meter: meter)
        var round = 0
        return best(.linear) {
            linear(x.view, matrices[round % matrices.count], into: y.view, context: ProductContext(phase: .prefill))
            round += 1
        }
    }

    /// Measures attention.
    package func measure(_ shape: Attention) -> Figure {
        let width = shape.headWidth
        let query = filled(rows: shape.rows, columns: shape.heads * width)
        let key = filled(rows: shape.rows, columns: shape.keyValueHeads * width)
        let value = filled(rows: shape.rows, columns: shape.keyValueHeads * width)
        let out = Matrix(rows: shape.rows, columns: shape.heads * width)
        let attention = TiledAttention(
            team: team, kernels: kernels,
            rule: ScoreRule(scale: 1 / Float(width).squareRoot(), cap: shape.softCap), phase: .prefill, meter: meter)
        func head(_ view: MatrixView, _ index: Int) -> MatrixView { view.columns(index * width..<(index + 1) * width) }
        // The query heads of one key/value head are the rows of one matrix, as in Gemma's prefill.
        let folded = shape.keyValueHeads == 1
        let step = max(1, TiledAttention.queryRows / (folded ? shape.heads : 1))
        let blocks = stride(from: 0, to: shape.rows, by: step).flatMap { start -> [TiledAttention.Block] in
            let rows = start..<min(start + step, shape.rows)
            let (queries, outs) = (query.view.rows(rows), out.view.rows(rows))
            guard !folded else {
                let all = rows.count * shape.heads
                return [
                    TiledAttention.Block(
                        head: 0, query: queries.reshaped(rows: all, columns: width),
                        out: outs.reshaped(rows: all, columns: width))
                ]
            }
            return (0..<shape.heads).map {
                TiledAttention.Block(
                    head: $0 / (shape.heads / shape.keyValueHeads), query: head(queries, $0), out: head(outs, $0))
            }
        }
        return best(.attention) {
            let heads = attention.prepare(
                (0..<shape.keyValueHeads).map {
                    TiledAttention.Head(key: head(key.view, $0), value: head(value.view, $0))
                })
            attention(blocks, over: heads)
        }
    }

    /// Returns the fastest of several calls. A first call, which touches the memory for the first time, is not counted.
    private func best(_ kind: OperationMeter.Kind, _ call: () -> Void) -> Figure {
        call()
        let start = Timeline.now()
        var best = Figure(seconds: .infinity, operations: 0, weightBytes: 0)
        var calls = 0
        repeat {
            let (before, begin) = (meter[.prefill, kind], Timeline.now())
            call()
            let (seconds, after) = (Double(Timeline.now() - begin) / 1e9, meter[.prefill, kind])
            calls += 1
            guard seconds < best.seconds else { continue }
            best = Figure(
                seconds: seconds, operations: after.operations - before.operations,
                weightBytes: after.weightBytes - before.weightBytes)
        } while calls < 2 || Double(Timeline.now() - start) / 1e9 < seconds
        return best
    }

    /// Returns a matrix of numbers between -0.5 and 0.5.
    private func filled(rows: Int, columns: Int) -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        let view = matrix.view
        team.rows(rows) { range in
            for row in range {
                let values = view.row(row)
                for column in 0..<columns { values[column] = Float((row &* 31 &+ column &* 17) % 61) / 61 - 0.5 }
            }
        }
        return matrix
    }
}
