import Measure
import Testing

@Suite("The limit of a kind of work is that of the units that compute it")
struct ComputeLimitTests {
    /// A processor that has everything.
    private static let rates: [ProcessorProbe: Double] = [
        .float32AVX2: 150, .float32AVX512: 300, .bfloat16AVX512: 600, .int8AVX2: 320, .int8AVX512: 1200,
        .bfloat16Tiles: 3600, .int8Tiles: 7200,
    ]

    private func limit(
        _ work: ComputeLimit.Work, _ kernels: String, _ precision: String,
        _ rates: [ProcessorProbe: Double] = ComputeLimitTests.rates
    ) -> (probe: ProcessorProbe, rate: Double)? {
        ComputeLimit.limit(of: work, kernels: kernels, precision: precision, rates: rates)
            .map { ($0.unit.probe, $0.rate) }
    }

    @Test("Products with weights are compared with the unit of the set of kernels and the precision")
    func linear() throws {
        let cases: [(kernels: String, precision: String, probe: ProcessorProbe, rate: Double)] = [
            ("scalar", "exact", .float32AVX512, 300), ("blas", "exact", .float32AVX512, 300),
            ("avx2", "exact", .float32AVX2, 150), ("avx512", "exact", .float32AVX512, 300),
            ("amx", "exact", .bfloat16Tiles, 1200),
            ("avx2", "bf16", .float32AVX2, 150), ("blas", "bf16", .float32AVX512, 300),
            ("avx512", "bf16", .bfloat16AVX512, 600), ("amx", "bf16", .bfloat16Tiles, 3600),
            ("avx2", "int8", .int8AVX2, 320), ("avx512", "int8", .int8AVX512, 1200),
            ("amx", "int8", .int8Tiles, 7200),
        ]
        for (kernels, precision, probe, rate) in cases {
            let found = try #require(limit(.linear, kernels, precision))
            #expect(found.probe == probe && found.rate == rate, "\(kernels), \(precision): \(found)")
        }
    }

    @Test("Attention is float32 in every precision: a sixth of bfloat16 tiles, else the float32 units")
    func attention() throws {
        for precision in ["exact", "bf16", "int8"] {
            for (kernels, probe, rate) in [
                ("avx2", ProcessorProbe.float32AVX2, 150.0), ("avx512", .float32AVX512, 300),
                ("amx", .bfloat16Tiles, 600),
            ] {
                let found = try #require(limit(.attention, kernels, precision))
                #expect(found.probe == probe && found.rate == rate, "\(kernels), \(precision): \(found)")
            }
        }
    }

    @Test("The best unit that was measured counts, and without any there is no limit")
    func missingUnits() throws {
        // AVX-512 in halves is no faster than AVX2, and has no int8 products of its own on the first processors with it.
        let halves: [ProcessorProbe: Double] = [.float32AVX2: 151, .float32AVX512: 150, .int8AVX2: 320]
        #expect(limit(.linear, "avx512", "exact", halves)?.probe == .float32AVX2)
        #expect(limit(.linear, "avx512", "int8", halves)?.probe == .int8AVX2)
        // Without products of bfloat16, that mode is the exact one.
        #expect(limit(.linear, "avx512", "bf16", halves)?.probe == .float32AVX2)
        // Tiles that are shared with a busy neighbor can be slower in three parts than float32 is in one.
        #expect(limit(.linear, "amx", "exact", [.bfloat16Tiles: 600, .float32AVX512: 300])?.probe == .float32AVX512)
        #expect(limit(.linear, "blas", "exact", [:]) == nil)
    }

    @Test("Every unit of this processor has a rate, and every other one a reason", arguments: ProcessorProbe.allCases)
    func probe(probe: ProcessorProbe) {
        do {
            let rate = try probe.measure(threads: 2, seconds: 0)
            #expect(rate > 0 && rate.isFinite)
        } catch {
            #expect(!error.description.isEmpty)
        }
    }
}
