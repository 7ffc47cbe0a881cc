import Base

/// A tensor of random bfloat16 numbers, uniform between `center - amplitude` and `center + amplitude`.
package struct RandomTensor: Sendable {
    let name: String
    let shape: [Int]
    let center: Float
    let amplitude: Float

    var count: Int { shape.reduce(1, *) }

    /// The weight of a product. Its variance is scale² / inputs: with a scale of 1 numbers neither grow nor vanish from layer
    /// to layer.
    package static func uniform(_ name: String, _ shape: [Int], inputs: Int, scale: Float = 1) -> RandomTensor {
        RandomTensor(name: name, shape: shape, center: 0, amplitude: scale * (3 / Float(inputs)).squareRoot())
    }

    /// A vector of numbers near 0, like a bias.
    package static func nearZero(_ name: String, _ count: Int) -> RandomTensor {
        RandomTensor(name: name, shape: [count], center: 0, amplitude: 0.1)
    }

    /// The weight of an RMS norm, which multiplies by about `factor`: it is stored less 1.
    static func rmsNorm(_ name: String, _ count: Int, factor: Float) -> RandomTensor {
        RandomTensor(name: name, shape: [count], center: factor - 1, amplitude: 0.1 * factor)
    }

    /// A vector of numbers near 1, like the weight of a layer norm.
    package static func nearOne(_ name: String, _ count: Int) -> RandomTensor {
        RandomTensor(name: name, shape: [count], center: 1, amplitude: 0.1)
    }

    /// Fills `numbers` with the bit patterns (bfloat16) of block `block`. They depend on nothing but the arguments, so
    /// blocks can be made in any order.
    func fill(_ numbers: UnsafeMutableBufferPointer<UInt16>, block: Int, seed: UInt64) {
        var state = StableHash.fnv1a(of: name.utf8, from: seed ^ 0x6A09_E667_F3BC_C909)
        state = SplitMix64.mix(state &+ UInt64(block))
        let scale = amplitude / 32768
        for start in stride(from: 0, to: numbers.count, by: 4) {
            state &+= SplitMix64.step
            var random = SplitMix64.mix(state)
            for index in start..<min(start + 4, numbers.count) {
                let value = center + Float(Int16(truncatingIfNeeded: random)) * scale
                // Rounded to the nearest bfloat16, ties to even.
                let bits = value.bitPattern
                numbers[index] = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
                random >>= 16
            }
        }
    }
}

/// The generator SplitMix64 of Steele, Lea and Flood: a counter and a mixing function.
private enum SplitMix64 {
    static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    static func mix(_ state: UInt64) -> UInt64 {
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
