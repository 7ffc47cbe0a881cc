/// A kind of processor whose rates are known, for plans about machines that are elsewhere. They are those of one core that
/// shares its machine with busy others; a quiet machine has more. What was not measured is twice or half of what was, by the
/// widths of the units.
package struct KnownProcessor: Equatable, Sendable {
    package let name: String
    package let title: String
    /// The set of kernels that it runs in each precision; others run the exact one.
    package let kernels: String
    /// Billions of operations a second of one core.
    package let rates: [ProcessorProbe: Double]
    /// GB/s of plain reads for each core, while there are few.
    package let memoryPerCore: Double
    /// GB/s of plain reads that a whole processor has at most, by its memory channels.
    package let memoryAtMost: Double

    package static let all = [
        KnownProcessor(
            name: "zen3", title: "AMD EPYC, Zen 3", kernels: "avx2", rates: [.float32AVX2: 103, .int8AVX2: 206],
            memoryPerCore: 15, memoryAtMost: 150),
        KnownProcessor(
            name: "zen4", title: "AMD EPYC, Zen 4", kernels: "avx512",
            rates: [
                .float32AVX2: 118, .float32AVX512: 118, .bfloat16AVX512: 236, .int8AVX2: 236, .int8AVX512: 472,
            ], memoryPerCore: 21, memoryAtMost: 350),
        KnownProcessor(
            name: "zen5", title: "AMD EPYC, Zen 5", kernels: "avx512",
            rates: [
                .float32AVX2: 131, .float32AVX512: 262, .bfloat16AVX512: 525, .int8AVX2: 273, .int8AVX512: 1080,
            ], memoryPerCore: 25, memoryAtMost: 450),
        KnownProcessor(
            name: "emerald-rapids", title: "Intel Xeon, Emerald Rapids", kernels: "amx",
            rates: [
                .float32AVX2: 74, .float32AVX512: 130, .bfloat16AVX512: 260, .int8AVX2: 150, .int8AVX512: 520,
                .bfloat16Tiles: 1900, .int8Tiles: 4300,
            ], memoryPerCore: 12, memoryAtMost: 250),
    ]

    package init?(named name: String) {
        guard let known = Self.all.first(where: { $0.name == name }) else { return nil }
        self = known
    }

    private init(
        name: String, title: String, kernels: String, rates: [ProcessorProbe: Double], memoryPerCore: Double,
        memoryAtMost: Double
    ) {
        self.name = name
        self.title = title
        self.kernels = kernels
        self.rates = rates
        self.memoryPerCore = memoryPerCore
        self.memoryAtMost = memoryAtMost
    }
}
