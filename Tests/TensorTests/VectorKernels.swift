import Tensor
import TestSupport
import Testing

/// The sets of vector kernels that this processor can run.
enum VectorKernels {
    static let names = Kernels.Level.allCases.filter { $0 != .scalar && $0 != .blas }
        .compactMap { Kernels(level: $0)?.name }
    /// And the model of the tile unit.
    static let withModel = names + [Kernels.tileModel?.name].compactMap { $0 }

    /// Skips a test of vector kernels on a processor that has none.
    static let condition = ConditionTrait.enabled(
        if: !names.isEmpty, "this processor has neither AVX2 nor AVX-512: there are no vector kernels to test")

    static func named(_ name: String) throws -> Kernels {
        try #require(Kernels.set(named: name))
    }
}

/// Names, by being skipped, the sets that the other tests do not reach on this processor.
@Suite("The tests of kernels reach every set that this program has")
struct KernelSetTests {
    @Test("This processor runs the AVX2 kernels", .enabled(if: Kernels(level: .avx2) != nil, "no AVX2"))
    func avx2() { #expect(VectorKernels.names.contains("avx2")) }

    @Test("This processor runs the AVX-512 kernels", .enabled(if: Kernels(level: .avx512) != nil, "no AVX-512"))
    func avx512() { #expect(VectorKernels.names.contains("avx512")) }

    @Test(
        "This processor runs products of pairs of bfloat16",
        .enabled(if: Kernels.current.pairs != nil, "no AVX512_BF16"))
    func pairs() throws { #expect(try VectorKernels.named("avx512").pairs != nil) }

    @Test("This processor runs the kernels on tiles", .enabled(if: Kernels(level: .amx) != nil, "no AMX"))
    func amx() { #expect(VectorKernels.names.contains("amx")) }

    @Test(
        "The model of the tile unit runs", .enabled(if: Kernels.tileModel != nil, "no AVX2, for which it is compiled"))
    func model() { #expect(VectorKernels.withModel.count == VectorKernels.names.count + 1) }

    @Test("This processor runs the int8 kernels for AVX-512 VNNI", .enabled(if: hasVNNI, "no AVX-512 VNNI"))
    func vnni() throws { #expect(try VectorKernels.named("avx512").int8.pointee.levels == 255) }

    static let hasVNNI =
        Kernels(level: .avx512).map { String(cString: $0.int8.pointee.name) } == vnniName
    private static let vnniName = "avx512vnni"
}
