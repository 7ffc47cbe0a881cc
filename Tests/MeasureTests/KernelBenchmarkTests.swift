import Measure
import PaliGemma
import Tensor
import TestSupport
import Testing

/// Small shapes: the tests check what the benchmark counts, not how fast it is.
@Suite("The kernel benchmark counts what it executes")
struct KernelBenchmarkTests {
    @Test(
        "Operations and bytes of weights are counted with every set of kernels of this processor",
        arguments: Kernels.setNames)
    func counts(name: String) throws {
        let kernels = try #require(Kernels.set(named: name))
        let benchmark = KernelBenchmark(kernels: kernels, threads: 2, seconds: 0)
        try withTemporaryDirectory { folder in
            let weights = KernelBenchmark.Weights(folder: folder)
            for (rows, precision) in [(1, Precision.exact), (40, .exact), (1, .int8), (40, .int8)] {
                let figure = try benchmark.measure(
                    .init(rows: rows, inputs: 64, outputs: 48), weights, as: precision)
                #expect(figure.operations == Double(2 * rows * 64 * 48))
                #expect(figure.weightBytes == (precision == .int8 ? 64 * 48 : 2 * 64 * 48))
                #expect(figure.seconds > 0 && figure.seconds.isFinite)
            }
        }
        for keyValueHeads in [1, 4] {
            let figure = benchmark.measure(
                .init(name: "small", rows: 130, heads: 4, keyValueHeads: keyValueHeads, headWidth: 16))
            #expect(figure.operations == Double(4 * 4 * 130 * 130 * 16))
            #expect(figure.seconds > 0 && figure.seconds.isFinite)
        }
    }
}
