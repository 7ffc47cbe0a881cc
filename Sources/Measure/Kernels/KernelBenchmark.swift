import Base
import Foundation
import PaliGemma
import Tensor

/// Single kernels at the shapes of a real model, outside of any world: products with weights and attention, through
/// the same types as the towers use, so that what they record is what is measured.
package final class KernelBenchmark {
    /// y [rows, outputs] = x [rows, inputs] · Wᵀ
    package typealias Product = SgemmCeiling.Product

    /// Attention of query heads that share key/value heads, over all rows of one picture or prefix.
    package struct Attention: Sendable {
        package let name: String
        /// Of queries and of keys.
        package let rows: Int
        package let heads: Int
        package let keyValueHeads: Int
        package let headWidth: Int
        /// Gemma 2's cap of the scores.
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

    /// The best of several calls.
    package struct Figure: Sendable {
        package var seconds: Double
        /// Of one call, two a multiply-add.
        package var operations: Double
        /// Of one call.
        package var weightBytes: Double
    }

    /// Gemma's and SigLIP's products, for one small picture, a micro-batch, and one large picture.
    package static let products = [256, 2048, 4096].flatMap { rows in
        [(2048, 16384), (16384, 2048), (1152, 4304), (4304, 1152), (1152, 1152)].map {
            Product(rows: rows, inputs: $0.0, outputs: $0.1)
        }
    }

    /// What attention is compared with.
    package static let typicalProduct = Product(rows: 2048, inputs: 1152, outputs: 4304)

    /// Decoding steps of so many sequences.
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

    /// - Parameter seconds: that each measurement takes, about.
    package init(kernels: Kernels, threads: Int, seconds: Double = 0.4) {
        _ = BLAS.prepared
        team = ThreadTeam(count: threads)
        self.kernels = kernels
        self.seconds = seconds
    }

    package func measure(
        _ product: Product, _ weights: Weights, as precision: WeightPrecision = .bf16
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
        // Query heads on one key/value head stand as rows of one matrix, as in Gemma's prefill.
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
            attention.prepare(
                (0..<shape.keyValueHeads).map {
                    TiledAttention.Head(key: head(key.view, $0), value: head(value.view, $0))
                })
            attention(blocks)
        }
    }

    /// The fastest of several calls after a first one, which touches the memory.
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

    /// Numbers between -0.5 and 0.5.
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

extension KernelBenchmark {
    /// Random weights in mapped files, as a checkpoint's are, and as they are quantized. Made once for each shape.
    package final class Weights {
        /// Products with few rows read their weights from memory, not from a cache: so many bytes take rounds.
        private static let bytesInTurns = 1 << 28
        private static let mostFewRows = 32

        private let folder: String
        private var known: [String: (stored: [WeightMatrix], quantized: [WeightMatrix])] = [:]

        /// - Parameter folder: where the files lie; whoever gives it removes it.
        package init(folder: String) {
            self.folder = folder
        }

        func matrices(
            for product: Product, as precision: WeightPrecision, team: ThreadTeam
        ) throws -> [WeightMatrix] {
            let matrices = try matrices(for: product, team)
            return precision == .bf16 ? matrices.stored : matrices.quantized
        }

        private func matrices(
            for product: Product, _ team: ThreadTeam
        ) throws -> (stored: [WeightMatrix], quantized: [WeightMatrix]) {
            let bytes = 2 * product.inputs * product.outputs
            let count = product.rows > Self.mostFewRows ? 1 : min(8, max(1, Self.bytesInTurns / bytes))
            let name = "\(count)-\(product.outputs)-\(product.inputs)"
            if let matrices = known[name] { return matrices }
            let shard = RandomShard(
                fileName: name,
                tensors: (0..<count).map {
                    .uniform("weight-\($0)", [product.outputs, product.inputs], inputs: product.inputs)
                })
            let path = folder + "/" + name
            try shard.write(to: path, seed: 0)
            let file = try SafetensorsFile(path: path)
            let tensors = file.tensors.map { name, entry in
                StoredTensor(storedName: name, entry: entry, mapping: file.mapping)
            }
            func matrix(_ tensor: StoredTensor, _ quantized: QuantizedMatrix? = nil) -> WeightMatrix {
                WeightMatrix(
                    tensor: tensor, outputs: product.outputs, inputs: product.inputs, quantized: quantized)
            }
            let bytes8 = try QuantizedFile(
                of: tensors.map { ($0.storedName, matrix($0)) }, at: path + "-int8", team: team)
            let made = (
                stored: tensors.map { matrix($0) },
                quantized: tensors.map { matrix($0, bytes8.matrix($0.storedName)) }
            )
            known[name] = made
            return made
        }
    }
}
