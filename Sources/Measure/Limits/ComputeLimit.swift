/// The highest rate that a kind of work can have on a processor, by the units that a set of kernels multiplies with.
package struct ComputeLimit: Equatable, Sendable {
    /// Kinds of work that multiply with different units.
    package enum Work: String, CaseIterable, Sendable {
        /// Products with weights.
        case linear
        /// Products of activations with activations, which are float32 in every precision.
        case attention
    }

    /// A unit, and how many of its products one product of the model takes.
    package struct Unit: Equatable, Sendable {
        package let probe: ProcessorProbe
        package let productsPerProduct: Int

        init(_ probe: ProcessorProbe, times productsPerProduct: Int = 1) {
            self.probe = probe
            self.productsPerProduct = productsPerProduct
        }

        /// The unit for a table: "bf16, AMX tiles (tdpbf16ps), a third".
        package var title: String {
            switch productsPerProduct {
            case 1: probe.title
            case 3: probe.title + ", a third"
            case 6: probe.title + ", a sixth"
            default: probe.title + ", 1/\(productsPerProduct)"
            }
        }
    }

    package let unit: Unit
    /// Billions of operations a second that the unit gives, two a multiply-add of the model.
    package let rate: Double

    /// Returns the units that a set of kernels can compute a work with.
    ///
    /// A float32 number is the sum of three bfloat16 numbers. So an exact product with bfloat16 weights is three products
    /// on a bfloat16 unit, and one of two float32 numbers is six: of the nine, the three smallest do not count.
    ///
    /// - Parameters:
    ///   - kernels: the name of the set.
    ///   - precision: the name of the precision of linear layers: exact, bf16 or int8.
    package static func units(for work: Work, kernels: String, precision: String) -> [Unit] {
        let float32: [Unit] = kernels == "avx2" ? [Unit(.float32AVX2)] : [Unit(.float32AVX512), Unit(.float32AVX2)]
        let hasTiles = kernels == "amx"
        switch (work, precision) {
        case (.attention, _):
            return hasTiles ? [Unit(.bfloat16Tiles, times: 6)] + float32 : float32
        case (.linear, "int8"):
            guard kernels != "avx2" else { return [Unit(.int8AVX2)] }
            return (hasTiles ? [Unit(.int8Tiles)] : []) + [Unit(.int8AVX512), Unit(.int8AVX2)]
        case (.linear, "bf16") where hasTiles:
            return [Unit(.bfloat16Tiles), Unit(.bfloat16AVX512)] + float32
        case (.linear, "bf16") where kernels == "avx512":
            // Without AVX512_BF16 there is no such rate, and the set computes as in the exact mode.
            return [Unit(.bfloat16AVX512)] + float32
        case (.linear, _):
            return hasTiles ? [Unit(.bfloat16Tiles, times: 3)] + float32 : float32
        }
    }

    /// Returns the limit of a work by the best of its units that this processor has.
    ///
    /// - Parameter rates: what each unit gave, in billions of operations a second.
    /// - Returns: nil where none of the units was measured.
    package static func limit(
        of work: Work, kernels: String, precision: String, rates: [ProcessorProbe: Double]
    ) -> ComputeLimit? {
        units(for: work, kernels: kernels, precision: precision).compactMap { unit in
            rates[unit.probe].map { ComputeLimit(unit: unit, rate: $0 / Double(unit.productsPerProduct)) }
        }.max { $0.rate < $1.rate }
    }
}
