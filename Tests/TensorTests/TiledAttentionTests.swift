import Foundation
import Tensor
import TestSupport
import Testing

@Suite("Attention of whole sequences", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct TiledAttentionTests {
    /// Queries, keys and values of one head, and room for the outputs.
    private struct Head: ~Copyable {
        let query: Matrix
        let key: Matrix
        let value: Matrix
        let out: Matrix

        init(queries: Int, keys: Int, width: Int) {
            query = Matrix(rows: queries, columns: width)
            key = Matrix(rows: keys, columns: width)
            value = Matrix(rows: keys, columns: width)
            out = Matrix(rows: queries, columns: width)
            var random = LinearCongruentialGenerator(state: UInt64(keys + width))
            for view in [query.view, key.view, value.view] {
                for index in 0..<view.rows * width { view.base[index] = Float.random(in: -1...1, using: &random) }
            }
            // One key that a query is nearly sure of.
            for column in 0..<width { key.view.row(keys / 2)[column] = 3 * query.view.row(0)[column] }
            out.view.fill(.nan)
        }
    }

    /// Returns the root mean square of the errors.
    private func error(_ kernels: Kernels, queries: Int, keys: Int, width: Int, cap: Float?) -> Double {
        _ = BLAS.prepared
        let head = Head(queries: queries, keys: keys, width: width)
        let scale = 1 / Float(width).squareRoot()
        let attention = TiledAttention(
            team: ThreadTeam(count: 2), kernels: kernels, rule: ScoreRule(scale: scale, cap: cap), phase: .vision,
            meter: OperationMeter())
        let packed = attention.prepare([TiledAttention.Head(key: head.key.view, value: head.value.view)])
        let blocks = stride(from: 0, to: queries, by: TiledAttention.queryRows).map { start in
            let rows = start..<min(queries, start + TiledAttention.queryRows)
            return TiledAttention.Block(head: 0, query: head.query.view.rows(rows), out: head.out.view.rows(rows))
        }
        attention(blocks, over: packed)
        var squares = 0.0
        for row in 0..<queries {
            let expected = attentionInDouble(
                query: head.query.view.values(row: row), keys: head.key.view, values: head.value.view,
                scale: Double(scale), cap: cap.map(Double.init))
            for (found, exact) in zip(head.out.view.values(row: row), expected) {
                squares += (Double(found) - exact) * (Double(found) - exact)
            }
        }
        return (squares / Double(queries * width)).squareRoot()
    }

    @Test("With every set of kernels attention is the softmax over all keys", arguments: Kernels.setNames)
    func equalsSoftmax(name: String) throws {
        let kernels = try #require(Kernels.set(named: name))
        for (queries, keys, width) in [
            (1, 1, 1), (3, 31, 72), (33, 500, 72), (96, 33, 24), (100, 481, 16), (20, 225, 256), (130, 64, 40),
        ] {
            for cap: Float? in [nil, 6] {
                let error = error(kernels, queries: queries, keys: keys, width: width, cap: cap)
                #expect(error < 3e-7, "\(queries) queries, \(keys) keys of \(width)")
            }
        }
    }

    @Test(
        "Attention on tiles is no farther from float64 than that of the vector kernels",
        .enabled(if: Kernels.tileModel != nil, "no AVX2, for which the model is compiled"), arguments: [72, 256])
    func accuracy(width: Int) throws {
        let vector = try #require(Kernels(level: .avx512) ?? Kernels(level: .avx2))
        let own = error(try #require(Kernels.tileModel), queries: 64, keys: 1000, width: width, cap: nil)
        #expect(own <= error(vector, queries: 64, keys: 1000, width: width, cap: nil))
    }
}
