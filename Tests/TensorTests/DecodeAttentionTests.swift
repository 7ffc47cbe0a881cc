import Foundation
import Tensor
import Testing

@Suite("Attention over the caches")
struct DecodeAttentionTests {
    private static let width = 24

    /// A sequence's cache and the query heads that ask, filled by a simple formula.
    private final class Caches {
        let query: Matrix
        let key: Matrix
        let value: Matrix
        let out: Matrix

        init(heads: Int, keys: Int, seed: Int) {
            query = Matrix(rows: heads, columns: width)
            key = Matrix(rows: keys, columns: width)
            value = Matrix(rows: keys, columns: width)
            out = Matrix(rows: heads, columns: width)
            for (index, view) in [query.view, key.view, value.view].enumerated() {
                for row in 0..<view.rows {
                    for column in 0..<width {
                        let angle = Float((row * 31 + column * 17 + index * 7 + seed) % 1009)
                        view.row(row)[column] = sin(angle) * (index == 1 && row == keys / 2 ? 9 : 2)
                    }
                }
            }
        }

        var heads: DecodeAttention.HeadGroup {
            DecodeAttention.HeadGroup(
                query: query.view, prefix: DecodeAttention.Part(key: key.view, value: value.view), out: out.view)
        }

        /// In double, without pieces.
        func expected(_ head: Int, scale: Double, cap: Double?) -> [Double] {
            attentionInDouble(
                query: query.view.values(row: head), keys: key.view, values: value.view, scale: scale, cap: cap)
        }
    }

    private func attend(_ caches: [Caches], threads: Int, kernels: Kernels = .current, cap: Float? = nil) -> [[Float]] {
        var attention = DecodeAttention()
        _ = attention.run(
            caches.map(\.heads), team: ThreadTeam(count: threads), kernels: kernels,
            rule: ScoreRule(scale: 0.25, cap: cap))
        return caches.flatMap { caches in (0..<caches.out.view.rows).map { caches.out.view.values(row: $0) } }
    }

    @Test(
        "Pieces of keys put together are the softmax over all keys",
        arguments: [
            1, 5, DecodeAttention.keysPerSplit, DecodeAttention.keysPerSplit + 1, 3 * DecodeAttention.keysPerSplit + 7,
        ])
    func equalsSoftmax(keys: Int) {
        for kernels in Kernels.available {
            for cap: Float? in [nil, 6] {
                let caches = Caches(heads: 3, keys: keys, seed: keys)
                for (head, values) in attend([caches], threads: 2, kernels: kernels, cap: cap).enumerated() {
                    let expected = caches.expected(head, scale: 0.25, cap: cap.map(Double.init))
                    #expect(zip(values, expected).allSatisfy { abs(Double($0) - $1) < 2e-5 })
                }
            }
        }
    }

    @Test("A sequence's numbers depend neither on the number of threads nor on the sequences beside it")
    func batchInvariance() {
        let keys = 4 * DecodeAttention.keysPerSplit + 10
        let alone = attend([Caches(heads: 8, keys: keys, seed: 1)], threads: 1)
        #expect(attend([Caches(heads: 8, keys: keys, seed: 1)], threads: 5) == alone)
        let others = [Caches(heads: 8, keys: 20, seed: 2), Caches(heads: 8, keys: keys, seed: 1)]
        #expect(Array(attend(others, threads: 3)[8...]) == alone)
    }
}
