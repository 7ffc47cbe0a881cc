/// What share of its limit a set of kernels reaches in a model, for estimates. benchmarks/README.md has the measurements.
package struct KernelEfficiency: Equatable, Sendable {
    /// Of linear layers with many rows.
    package let linear: Double
    package let attention: Double
    /// Of reading weights in decoding.
    package let reading: Double
    /// Whether the shares were measured on a processor with this set, or are what the set is expected to reach.
    package let isMeasured: Bool

    /// - Parameters:
    ///   - kernels: the name of the set.
    ///   - precision: the name of the precision of linear layers: exact, bf16 or int8.
    package init(kernels: String, precision: String) {
        switch (kernels, precision) {
        case ("avx512", "int8"):
            (linear, attention, reading, isMeasured) = (0.65, 0.60, 0.75, true)
        case ("avx512", _):
            (linear, attention, reading, isMeasured) = (0.82, 0.60, 0.85, true)
        case ("avx2", "int8"):
            (linear, attention, reading, isMeasured) = (0.75, 0.60, 0.75, true)
        case ("avx2", _):
            (linear, attention, reading, isMeasured) = (0.82, 0.60, 0.80, true)
        case ("amx", "exact"):
            (linear, attention, reading, isMeasured) = (0.60, 0.40, 0.85, false)
        case ("amx", _):
            (linear, attention, reading, isMeasured) = (0.50, 0.40, 0.80, false)
        default:
            // OpenBLAS with panels that are widened before each product.
            (linear, attention, reading, isMeasured) = (0.50, 0.30, 0.40, false)
        }
    }
}
